/**
 * What routing says about a destination: who takes its mail next, how to reach them, and within which limits.
 *
 * Spec: RFC 5321 §5 (address resolution and mail handling).
 */
import type { Credential, DomainEntry } from "../../directory/directory.ts";
import type { Branded } from "../../kit/brand.ts";
import type { Address } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Tlsa } from "../../mail/tlsa.ts";
import type { PolicyName } from "../../queue/job.ts";
import type { TlsWatch } from "../tls-watch.ts";

/**
 * Names a set of next hops that is reached in one way: destinations with the same MX hosts, policy and exceptions share
 * it, hence its connections and limits. Printable and stable: `*.mail.example+4#5f3a9c01`, `smarthost:host:587#…`.
 */
export type SiteName = Branded<string, "SiteName">;

/** A site's name without its digest: the hosts, however they are reached. */
export type SiteLabel = Branded<string, "SiteLabel">;

/** What a host must prove before it gets a message, whatever the policy's `tls` says. */
export type HostSecurity =
  /** Its certificate by these records. RFC 7672 */
  | { readonly kind: "dane"; readonly records: readonly Tlsa[] }
  /** Its name, by a certificate that the public authorities vouch for. RFC 8461 §4.2 */
  | { readonly kind: "pkix" }
  /** That it speaks TLS. */
  | { readonly kind: "encrypt" };

/** One address to connect to. */
export interface Candidate {
  /** The host's name, for TLS and for people; an address literal's address when there is no name. */
  readonly host: string;
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
  /** Lower is tried first; equals are tried in random order. RFC 5321 §5.1 */
  readonly preference: number;
  readonly security?: HostSecurity;
}

/** Opportunistic: STARTTLS when offered. Require: or no delivery. Implicit: from the first octet. */
export type TlsMode = "Opportunistic" | "Require" | "Implicit" | "Off";

export interface Limits {
  readonly maxConnections: number;
  readonly messagesPerConnection: number;
  readonly ratePerMinute?: number;
}

export interface NextHops {
  readonly site: SiteName;
  /** Whose limits they are. */
  readonly policy: PolicyName;
  /** Never empty, by preference; `connectOrder` (order.ts) makes the order for one connection of it. */
  readonly candidates: readonly Candidate[];
  readonly tls: TlsMode;
  /** The certificate must be valid for the host's name (a smarthost's or LMTP server's, when TLS is demanded). */
  readonly verify: boolean;
  readonly auth?: Credential;
  readonly limits: Limits;
  /** Present where sessions are told in reports on TLS. */
  readonly watch?: TlsWatch;
}

export type Route =
  /** Into the mailboxes of a domain of ours. */
  | { readonly kind: "local"; readonly domain: DomainEntry }
  /** A domain of ours whose mail all goes to these addresses. */
  | { readonly kind: "forward"; readonly domain: DomainEntry; readonly to: readonly Address[] }
  /** A domain of ours whose mailboxes are behind an LMTP server. */
  | { readonly kind: "lmtp"; readonly domain: DomainEntry; readonly next: NextHops }
  | { readonly kind: "smtp"; readonly next: NextHops }
  /** Nothing can be said now. */
  | { readonly kind: "deferred"; readonly reply: Reply; readonly watch?: TlsWatch }
  /** Mail cannot get there, however often it is tried. */
  | { readonly kind: "failed"; readonly reply: Reply };

/** A route, and how long it holds unless the directory changes. */
export interface Routed {
  readonly route: Route;
  readonly validMs: number;
}
