/**
 * The port to the network: what the client engine asks for a connection. `daemon/net/dial.ts` implements it.
 *
 * Fails:  both methods reject with the system's or the TLS library's error, or with the signal's reason. A rejected
 *         call leaves no open socket behind.
 */
import type { Duplex } from "node:stream";
import type { Tlsa } from "../../mail/tlsa.ts";

export interface DialTarget {
  /** An IP address: names are resolved by the caller. */
  readonly address: string;
  readonly port: number;
  /** The local address to connect from; the system chooses when absent. */
  readonly source?: string;
}

export interface TlsOptions {
  /** The name for SNI, and the one that the certificate must carry when `verify` is set. */
  readonly servername: string;
  /** Refuse a certificate that does not prove `servername`. Opportunistic TLS does not verify. RFC 7435 */
  readonly verify: boolean;
  /** Refuse a certificate that none of these records vouches for; the public authorities do not matter then. RFC 7672 */
  readonly dane?: readonly Tlsa[];
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
}

/** What came of a handshake. */
export interface TlsFacts {
  readonly protocol: string;
  readonly cipher: string;
  /** The certificate proves the name, whether or not that was demanded. */
  readonly authorized: boolean;
  /** Why it does not, by the TLS library's code. */
  readonly unproven?: string;
}

export interface Secured {
  readonly socket: Duplex;
  readonly facts: TlsFacts;
}

export interface Dial {
  connect(target: DialTarget, signal: AbortSignal): Promise<Duplex>;
  /** Starts TLS on a connection that carries nothing unread. Takes the connection over, also when it fails. */
  secure(socket: Duplex, options: TlsOptions, signal: AbortSignal): Promise<Secured>;
}
