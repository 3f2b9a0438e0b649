/**
 * Forwards a job whose domain has come to be forwarded since the message was accepted. (Usually forwarding is resolved
 * when a message is accepted; this is for what was queued when the resource changed.)
 *
 * In:     the queued job, the domain's targets as they are now.
 * Out:    `delivered` as `expanded` for each recipient when a new message for the targets is durable. It carries the same
 *         octets, sender and DSN wishes. A crash between the two repeats the forward: never a loss.
 * Fails:  hops beyond the limit → 5.4.6; the store away → deferred.
 * Spec:   RFC 5321 §3.9.1, §6.3; RFC 3461 §5.2.7.
 */
import type { LiveDirectory } from "../directory/directory.ts";
import type { Address } from "../mail/address.ts";
import type { Outcome } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";
import type { MessageId, Queued } from "../queue/job.ts";
import { type FinishedBody, type Queue, QueueError } from "../queue/queue.ts";
import { unreadable } from "./remote.ts";
import type { MakeJobs } from "./sends.ts";

export interface Forwarding {
  readonly queued: Queued;
  readonly live: LiveDirectory;
  readonly queue: Pick<Queue, "newId" | "openBody" | "accept" | "body">;
  readonly makeJobs: MakeJobs;
  readonly now: number;
  readonly signal: AbortSignal;
}

/** More forwards of one message than this are a loop. */
const MAX_HOPS = 10;

export async function forwardJob(forwarding: Forwarding): Promise<readonly Outcome[]> {
  const { recipients, hops = 0, destination } = forwarding.queued.job;
  const delivery = forwarding.live.current().domain(destination)?.delivery;
  const all = (outcome: Outcome) => recipients.map(() => outcome);
  if (delivery?.kind !== "forward")
    return all({
      kind: "deferred",
      reply: reply(451, "4.3.5", "The domain's delivery changed; trying again"),
    });
  if (hops >= MAX_HOPS)
    return all({ kind: "failed", reply: reply(554, "5.4.6", "Forwarded too often: a mail loop") });
  try {
    await sendOn(forwarding, delivery.to);
    return all({ kind: "delivered", reply: reply(250, "2.1.5", "Forwarded"), how: "expanded" });
  } catch (error) {
    if (error instanceof QueueError) return all({ kind: "deferred", reply: error.reply });
    return all(unreadable(error));
  }
}

async function sendOn(forwarding: Forwarding, to: readonly Address[]): Promise<void> {
  const { queued, live, queue, makeJobs, now, signal } = forwarding;
  const { job } = queued;
  const message = queue.newId();
  const { sender, origin, policy, prepend, hops = 0 } = job;
  const recipients = to.map((address) => ({ ...job.recipients[0], address }));
  const trace = prepend === undefined ? {} : { prepend };
  const facts = { message, queuedAt: now, sender, origin, policy, recipients, hops: hops + 1, ...trace };
  const { jobs } = makeJobs(live.current(), facts);
  if (jobs.length === 0) throw new QueueError(reply(451, "4.3.5", "No forwarding address can be reached"));
  const body = await copyOf(forwarding, message);
  // Not abandoned when this fails: an answer that was lost may have been a yes.
  await queue.accept({ jobs, body }, signal);
}

async function copyOf({ queued, queue, signal }: Forwarding, message: MessageId): Promise<FinishedBody> {
  const writer = queue.openBody(message, signal);
  try {
    for await (const octets of queue.body(queued, signal)) await writer.write(octets);
    return await writer.finish();
  } catch (error) {
    writer.abandon();
    throw error;
  }
}
