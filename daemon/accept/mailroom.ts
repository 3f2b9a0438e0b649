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

export function openMailroom(parts: MailroomParts): Mailroom & Disposable {
  const desk = new Desk(parts);
  return {
    open(caller) {
      const session = new Session(desk, caller);
      const stranger = caller.listener === "smtp" && session.standing.kind === "stranger";
      // Who may relay is no bot: no wait. Submission listeners are for people's programs, which log in first.
      return { kind: "welcome", session, pregreetMs: stranger ? desk.limits.pregreetMs : 0 };
    },
    [Symbol.dispose]: () => desk[Symbol.dispose](),
  };
}
