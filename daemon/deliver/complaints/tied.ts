/**
 * Ties a report to a message of ours by its token.
 *
 * In:     the token, the keys of a namespace, the time.
 * Out:    the message and its recipient; `undefined`: it is none of ours, or too old.
 */
import type { Address } from "../../mail/address.ts";
import { sentOf } from "../../mail/feedback-id.ts";
import type { TraceEvent } from "../../queue/events.ts";
import { idTime, parseMessageId } from "../../queue/ids.ts";
import type { MessageId, PolicyName, Queued } from "../../queue/job.ts";
import type { Concerned } from "../../queue/message-event.ts";
import type { Queue } from "../../queue/queue.ts";
import { reportLimit } from "./parts.ts";

/** Providers tell within days; a token that is found in an archive later is of no use. */
const validMs = 60 * 86_400_000;

export interface Tied {
  readonly message: MessageId;
  readonly recipient: Address;
}

export function tied(token: string | undefined, keys: readonly Buffer[], now: number): Tied | undefined {
  const sent = token === undefined ? undefined : sentOf(token, keys);
  const message = sent && parseMessageId(sent.message);
  if (sent === undefined || message === undefined || now - idTime(message) > validMs) return undefined;
  return { message, recipient: sent.recipient };
}

/** Hears what a report tells of a message of ours. It may come again when the report is filed again. */
export type Tell = (event: TraceEvent, about: Concerned) => Promise<void>;

/** The message went out; our side of it is the domain that the report came to. */
export const concernedBy = ({ message }: Tied, policy: PolicyName, { job }: Queued): Concerned => ({
  policy,
  domain: job.destination,
  direction: "outbound",
  queuedAt: idTime(message),
});

/** So much of a message as a report may have. */
export async function beginningOf(
  queued: Queued,
  queue: Pick<Queue, "body">,
  signal: AbortSignal,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of queue.body(queued, signal)) {
    parts.push(part);
    size += part.length;
    if (size >= reportLimit) break;
  }
  return Buffer.concat(parts);
}
