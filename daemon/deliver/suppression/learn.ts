/**
 * What the outcomes of an attempt say about the suppression list.
 *
 * In:     the job and its outcomes, the rules of its policy, the list, the time.
 * Out:    the list is told of refusals for good that the rules mean, and of deliveries to addresses that it watches.
 * Safety: only what a next hop or the DNS said counts, and only about mail of ours that has a sender: who gets us to report
 *         to made-up senders cannot fill the list.
 */
import type { Directory, SuppressionRules } from "../../directory/directory.ts";
import type { Address } from "../../mail/address.ts";
import type { BounceClass } from "../../mail/bounce/classes.ts";
import { bounceOf } from "../../mail/bounce/classify.ts";
import type { Outcome } from "../../mail/outcome.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Job, MessageId } from "../../queue/job.ts";
import { isSubject, namespaceOf } from "./judge.ts";
import type { SuppressionList } from "./list.ts";

export function learn(
  job: Job,
  outcomes: readonly Outcome[],
  directory: Directory,
  list: SuppressionList,
  now: number,
): void {
  const rules = directory.policy(job.policy)?.suppression.hardBounces;
  if (rules === undefined || !isSubject(job, directory)) return;
  const namespace = namespaceOf(job.policy);
  for (const [i, outcome] of outcomes.entries()) {
    const address = job.recipients[i]?.address;
    if (address === undefined) continue;
    const { reply } = outcome;
    if (outcome.kind === "failed")
      refused(
        { namespace, address, message: job.message, reply, bounce: bounceOf(outcome) },
        rules,
        list,
        now,
      );
    else if (outcome.kind === "delivered" && list.find(namespace, address)?.watched !== undefined)
      list.remove(namespace, address);
  }
}

export interface Refusal {
  readonly namespace: string;
  readonly address: Address;
  readonly message: MessageId;
  readonly reply: Reply;
  readonly bounce: BounceClass | undefined;
}

/** A refusal for good: by a next hop, or by a report that comes back later. */
export function refused(
  { namespace, address, message, reply, bounce = "other" }: Refusal,
  { after, forMs, classes }: NonNullable<SuppressionRules["hardBounces"]>,
  list: Pick<SuppressionList, "find" | "put">,
  now: number,
): void {
  if (!classes.has(bounce)) return;
  const known = list.find(namespace, address);
  const current = known !== undefined && known.until > now ? known : undefined;
  // On the list for another reason, or for longer: tried before it got there.
  if (current !== undefined && current.watched === undefined && current.until >= now + forMs) return;
  const count = (current?.watched ?? 0) + 1;
  list.put(namespace, {
    address,
    by: "bounce",
    bounce,
    at: now,
    until: now + forMs,
    ...(count < after ? { watched: count } : {}),
    text: `${reply.code} ${reply.enhanced} ${reply.text}`,
    message,
  });
}
