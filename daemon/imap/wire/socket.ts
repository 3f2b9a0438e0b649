/**
 * The socket as the IMAP engine sees it; `daemon/net` implements it, tests supply one in memory.
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

export interface ImapSocket {
  /** Who is told of what happens; a later call takes the place of the one before. */
  attach(events: SocketEvents): void;
  /** Octets, or ASCII text. False: the client reads slowly; write no more before `drained`. */
  write(data: string | Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes; the client gets a moment to read it. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
  /** Starts TLS after all that was written; `undefined` when this connection cannot. Rejects when the handshake fails. */
  readonly startTls: (() => Promise<TlsFacts>) | undefined;
}
