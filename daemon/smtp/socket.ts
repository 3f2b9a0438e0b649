/**
 * The socket as the SMTP engine sees it; `daemon/net` implements it, tests supply one in memory.
 *
 * The engine takes chunks as they are pushed and answers with short ASCII strings. A chunk belongs to the engine from
 * then on: it may be changed in place and handed to the mailroom without a copy.
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

export interface SmtpSocket {
  /** Who is told of what happens; called once, before anything else. */
  attach(events: SocketEvents): void;
  /** ASCII only. False: the client reads slowly; write no more before `drained`. */
  write(text: string): boolean;
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
