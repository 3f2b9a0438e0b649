/**
 * What the parts of one session share: how they speak, what they know of the client, and how they steer the reading.
 */

import type { TlsFacts } from "../kit/client-socket.ts";
import type { Log } from "../kit/log.ts";
import type { Spoken } from "../kit/spoken.ts";
import type { Reply } from "../mail/reply.ts";
import type { SmtpLimits } from "./limits.ts";
import type { FaultKind, Later, MailroomSession, SessionFacts } from "./mailroom.ts";

/** Steers the session's reading and writing; `session.ts` implements it. */
export interface Wire {
  /** Adds octets to what is sent when there is nothing left to do at the moment. */
  put(text: string): void;
  /** The octets that follow are a dot-stuffed message. RFC 5321 §4.1.1.4 */
  expectMessage(): void;
  /** The next `octets` octets are a chunk of a message. RFC 3030 §2 */
  expectChunk(octets: number): void;
  /** Lines may be as long as AUTH needs them. */
  expectLogin(on: boolean): void;
  /** Sends what was put, drops what came after STARTTLS, and starts TLS; `undefined` when it is not configured. */
  readonly startTls: (() => Promise<TlsFacts>) | undefined;
  /** Ends the session once what was put is sent. */
  close(why: string): void;
}

/** What a session counts; each is called on the hot path and must be cheap. */
export interface SmtpEvents {
  opened?(listener: string): void;
  closed?(listener: string): void;
  /** TLS began: `TLSv1.3`, or whichever version it is. */
  secured?(listener: string, protocol: string): void;
  replied?(listener: string, code: number): void;
  readonly spoke?: Spoken;
  /** A message was answered with 2yz. */
  received?(listener: string, octets: number): void;
}

export interface Desk {
  readonly wire: Wire;
  readonly room: MailroomSession;
  readonly limits: SmtpLimits;
  /** Aborted when the connection is over. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** `utf8`: within a transaction that said SMTPUTF8. */
  facts(utf8: boolean): SessionFacts;
  /** Does what a command asks for, and tells how long it took until its answer, and how that was. */
  timed(verb: string, work: () => Later<void>): Later<void>;
  /** Answers a command. A 421 ends the session. RFC 5321 §3.8 */
  say(reply: Reply): void;
  /** Answers a command that was wrong in itself, maybe late; too many of them end the session. */
  fault(kind: FaultKind, reply: Reply): Later<void>;
  /** A command brought no mail. True: there were too many of them. */
  idled(): boolean;
  /** A message was taken: the counters of misuse start anew. */
  received(octets: number): void;
  /** Reports an error that carries no reply of its own, and returns the reply to give. */
  failed(error: unknown): Reply;
}

/**
 * Goes on at once when the value is there, else later: no promise is made where none is needed. (Not called `then`: a
 * module with such an export cannot be imported dynamically, as the runtime would take it for a promise.)
 */
export function whenKnown<T, R>(value: Later<T>, next: (value: T) => Later<R>): Later<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
