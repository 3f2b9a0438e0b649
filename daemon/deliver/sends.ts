/**
 * Messages that the outcomes of an attempt give rise to (a mailbox's rules send them): made ready for the queue.
 *
 * In:     the job with its outcomes.
 * Out:    `few`: to be written in the batch that settles the attempt, so that they are sent exactly once. `many`: what
 *         would make that batch too large; they are accepted before it, and a crash in between repeats them.
 * Fails:  `QueueError` when the job's body cannot be read or a new one not be stored.
 */
import type { Directory } from "../directory/directory.ts";
import { isAscii } from "../kit/ascii.ts";
import type { Origin, Recipient, Sender } from "../mail/envelope.ts";
import type { Outcome, Outgoing } from "../mail/outcome.ts";
import type { MessageId, PolicyName, Queued } from "../queue/job.ts";
import type { NewJob, NewMessage, Queue } from "../queue/queue.ts";

/** Makes the jobs of a message that we send ourselves; recipients that cannot be reached have none. */
export type MakeJobs = (
  directory: Directory,
  message: {
    readonly message: MessageId;
    readonly queuedAt: number;
    readonly sender: Sender;
    readonly origin: Origin;
    readonly policy: PolicyName;
    readonly recipients: readonly Recipient[];
    readonly hops?: number;
    readonly prepend?: string;
  },
) => { readonly jobs: readonly NewJob[] };

export interface SendParts {
  readonly queue: Pick<Queue, "body" | "newId" | "openBody">;
  readonly directory: Directory;
  readonly makeJobs: MakeJobs;
  readonly now: number;
}

const inBatch = 8;
const ourOrigin: Origin = { client: "local", helo: "", protocol: "local" };

export async function sendsOf(
  outcomes: readonly (Outcome | undefined)[],
  queued: Queued,
  parts: SendParts,
  signal: AbortSignal,
): Promise<{ readonly few: readonly NewMessage[]; readonly many: readonly NewMessage[] }> {
  const made: NewMessage[] = [];
  for (const outcome of outcomes) {
    if (outcome?.kind !== "delivered") continue;
    for (const outgoing of outcome.sends ?? []) {
      const message = await messageOf(outgoing, queued, parts, signal);
      if (message) made.push(message);
    }
  }
  return { few: made.slice(0, inBatch), many: made.slice(inBatch) };
}

async function messageOf(
  outgoing: Outgoing,
  queued: Queued,
  { queue, directory, makeJobs, now }: SendParts,
  signal: AbortSignal,
): Promise<NewMessage | undefined> {
  const { job } = queued;
  const message = queue.newId();
  const sender = outgoing.kind === "copy" ? job.sender : answerer(outgoing.octets);
  const { jobs } = makeJobs(directory, {
    message,
    queuedAt: now,
    sender,
    origin: outgoing.kind === "copy" ? job.origin : ourOrigin,
    policy: job.policy,
    recipients: recipientsOf(outgoing),
    hops: (job.hops ?? 0) + 1,
    ...(outgoing.kind === "copy" && job.prepend !== undefined ? { prepend: job.prepend } : {}),
  });
  if (jobs.length === 0) return undefined;
  const writer = queue.openBody(message, signal, true);
  try {
    if (outgoing.kind === "message") await writer.write(outgoing.octets);
    else {
      await writer.write(Buffer.from(outgoing.prefix));
      for await (const octets of queue.body(queued, signal)) await writer.write(octets);
    }
    return { jobs, body: await writer.finish() };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

/** A copy names who sent it on, as an alias does: reports tell it, and the return path and the signature follow it. */
function recipientsOf(outgoing: Outgoing): readonly Recipient[] {
  if (outgoing.kind === "message") return outgoing.to.map((address) => ({ address }));
  const orcpt = { type: isAscii(outgoing.by) ? "rfc822" : "utf-8", address: outgoing.by };
  return outgoing.to.map((address) => ({ address, orcpt }));
}

/** RFC 5230 §5.1, RFC 3834 §3.3: an answer has a null sender. */
function answerer(octets: Uint8Array): Sender {
  const plain = isAscii(Buffer.from(octets).toString("latin1"));
  return { path: "", body: plain ? "7BIT" : "8BITMIME", smtputf8: false };
}
