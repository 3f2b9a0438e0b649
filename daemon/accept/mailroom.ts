/**
 * The seam between the SMTP engine and the queue: opens a session for each connection.
 *
 * In:     the directory, the queue, and the ports of `MailroomParts`.
 * Out:    a `Mailroom`. Disposing it ends its timers; sessions end with their connections.
 */
import type { Mailroom } from "../smtp/mailroom.ts";
import { Desk, type MailroomParts } from "./desk.ts";
import { Session } from "./session.ts";

export type { Accepted, MailroomParts } from "./desk.ts";

export interface OpenMailroom extends Mailroom, Disposable {
  /** The process is to end: nobody is made to wait for an answer any more. */
  drain(): void;
}

export function openMailroom(parts: MailroomParts): OpenMailroom {
  const desk = new Desk(parts);
  return {
    open(caller) {
      const session = new Session(desk, caller);
      const refused = session.arrived();
      if (refused) return { kind: "refused", reply: refused };
      const { kind, limits } = session.standing;
      // Who may relay is no bot: no wait. Submission listeners are for people's programs, which log in first.
      const waits = caller.listener === "smtp" && kind === "stranger";
      return { kind: "welcome", session, pregreetMs: waits ? limits.greetingDelayMilliseconds : 0 };
    },
    drain: () => desk.visitors.tarpit.close(),
    [Symbol.dispose]: () => desk[Symbol.dispose](),
  };
}
