/**
 * A client's socket as the protocol engines see it; `daemon/net` implements it, tests supply one in memory.
 *
 * An engine takes chunks as they are pushed. A chunk belongs to the engine from then on: it may be changed in place and
 * handed on without a copy.
 */
export interface TlsFacts {
  /** As in `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
}

export interface SocketEvents {
  data(octets: Buffer): void;
  /** What was written has left us; follows a `write` that returned false. */
  drained(): void;
  /** The client will send nothing more, yet may still listen. */
  ended(): void;
  /** Nothing can be sent or received any more. Called exactly once. */
  closed(): void;
}

export interface ClientSocket {
  /** Who is told of what happens, before anything else; a later call takes the place of the one before. */
  attach(events: SocketEvents): void;
  /** ASCII text, or octets that stay as they are. False: the client reads slowly; write no more before `drained`. */
  write(data: string | Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes; the client gets a moment to read it. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
  /** Starts TLS after all that was written; `undefined` when this connection cannot. Rejects when the handshake fails. */
  readonly startTls: (() => Promise<TlsFacts>) | undefined;
  /** What tells this TLS session from every other (`tls-exporter`, RFC 9266); `undefined` without TLS 1.3. */
  channelBinding?(): Buffer | undefined;
}
