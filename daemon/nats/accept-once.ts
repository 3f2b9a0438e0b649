/**
 * Puts a message into the queue that must not be there twice, by an id that follows from what it is.
 *
 * Out:    resolves also when the queue knows the id: as a job, or as a marker for ten minutes after it has left.
 * Fails:  with the queue's `QueueError`.
 */
import type { MessageId } from "../queue/job.ts";
import { type NewJob, type Queue, QueueError } from "../queue/queue.ts";
import { Conflict } from "./fault.ts";

export async function acceptOnce(
  queue: Pick<Queue, "accept" | "openBody">,
  id: MessageId,
  jobs: readonly NewJob[],
  octets: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const writer = queue.openBody(id, signal);
  try {
    await writer.write(octets);
    const body = await writer.finish();
    await queue.accept({ jobs, body }, signal);
  } catch (error) {
    if (error instanceof QueueError && error.cause instanceof Conflict) return writer.abandon();
    throw error;
  }
}
