/**
 * The desk of one session: replies are counted, misuse is counted, and too much of it ends the session.
 */
import type { Log } from "../kit/log.ts";
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
  readonly events: SmtpEvents;
}

export class SessionDesk implements Desk {
  readonly wire: Wire;
  readonly room: MailroomSession;
  readonly limits: SmtpLimits;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly #options: DeskOptions;
  #errors = 0;
  #idle = 0;

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

  say(reply: Reply): void {
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
