/**
 * What a client hears when a command fails.
 *
 * Spec:   RFC 9051 §7.1, RFC 5530 (UNAVAILABLE, SERVERBUG). Rethrows what ends the session.
 */

import { Gone } from "../kit/output.ts";
import { MailboxRefusal } from "../mailbox/session.ts";
import { StoreUnavailable } from "../mailbox/store.ts";
import { type Answer, no, Refusal } from "./answer.ts";
import type { Talk } from "./talk.ts";

export function answerTo(
  error: unknown,
  command: string,
  talk: Pick<Talk, "signal" | "log" | "client">,
): Answer {
  if (error instanceof Refusal) return error.answer;
  if (error instanceof MailboxRefusal) return no(error.message, error.code);
  if (error instanceof Gone || talk.signal.aborted) throw error;
  if (error instanceof StoreUnavailable) {
    talk.log.warn({ command, error: error.message }, "the store could not answer a command");
    return no("The store cannot answer now, please try again", "UNAVAILABLE");
  }
  talk.log.error({ err: error, client: talk.client.address, command }, "a command failed");
  return no("Something went wrong here", "SERVERBUG");
}
