/**
 * The desk of one session: replies are counted, misuse is counted, and too much of it ends the session.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Spoken } from "../kit/spoken.ts";
import type { Reply } from "../mail/reply.ts";
import type { ClientFacts } from "./client-facts.ts";
import { type Desk, type SmtpEvents, type Wire, whenKnown } from "./desk.ts";
import type { SmtpLimits } from "./limits.ts";
import type { Caller, FaultKind, Later, MailroomSession, SessionFacts } from "./mailroom.ts";
import { encodeReply, replies, replyOf } from "./replies.ts";

export interface DeskOptions {
  readonly room: MailroomSession;
  readonly facts: ClientFacts;
  readonly signal: AbortSignal;
  readonly listener: Caller["listener"];
  readonly limits: SmtpLimits;
  readonly log: Log;
  readonly clock: Pick<Clock, "monotonic">;
  readonly events: SmtpEvents;
}

/** Commands that figures tell apart. */
const known = new Set("EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT STARTTLS AUTH".split(" "));

export class SessionDesk implements Desk {
  readonly wire: Wire;
  readonly room: MailroomSession;
  readonly limits: SmtpLimits;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly #options: DeskOptions;
  #errors = 0;
  #idle = 0;
  /** Of the answer to the command at hand; 0: it has none yet. */
  #code = 0;

  constructor(wire: Wire, options: DeskOptions) {
    this.wire = wire;
    this.#options = options;
    this.room = options.room;
    this.limits = options.limits;
    this.signal = options.signal;
    this.log = options.log;
  }

  facts(utf8: boolean): SessionFacts {
    return this.#options.facts.current(utf8);
  }

  timed(verb: string, work: () => Later<void>): Later<void> {
    const { spoke } = this.#options.events;
    if (spoke === undefined) return work();
    const { clock } = this.#options;
    const began = clock.monotonic();
    this.#code = 0;
    return whenKnown(work(), () => {
      // Without an answer it goes on: a login that was asked for more.
      if (this.#code > 0)
        spoke(known.has(verb) ? verb : "unknown", how(this.#code), clock.monotonic() - began);
    });
  }

  say(reply: Reply): void {
    this.#code = reply.code;
    this.wire.put(encodeReply(reply));
    this.#options.events.replied?.(this.#options.listener, reply.code);
    if (reply.code === 421) this.wire.close(reply.text); // RFC 5321 §3.8
  }

  fault(kind: FaultKind, reply: Reply): Later<void> {
    return whenKnown(this.room.fault?.(kind, this.signal), (last) => {
      if (last === undefined)
        return this.say(++this.#errors > this.limits.errors ? replies.tooManyErrors : reply);
      this.say(last);
      this.wire.close("ended by the mailroom");
    });
  }

  idled(): boolean {
    return ++this.#idle > this.limits.idleCommands;
  }

  received(octets: number): void {
    this.#errors = 0;
    this.#idle = 0;
    this.#options.events.received?.(this.#options.listener, octets);
  }

  failed(error: unknown): Reply {
    const { reply, expected } = replyOf(error);
    if (!expected) this.log.error({ err: error }, "the mailroom failed");
    return reply;
  }
}

/** RFC 5321 §4.2.3: 500 to 502 and 504 answer what is no command here. */
function how(code: number): Parameters<Spoken>[1] {
  if (code < 400) return "done";
  return (code >= 500 && code <= 502) || code === 504 ? "wrong" : "refused";
}
