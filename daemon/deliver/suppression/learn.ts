/**
 * What the outcomes of an attempt say about the suppression list.
 *
 * In:     the job and its outcomes, the rules of its policy, the list, the time.
 * Out:    the list is told of refusals for good that the rules mean, and of deliveries to addresses that it watches.
 * Safety: only what a next hop or the DNS said counts, and only about mail of ours that has a sender: who gets us to report
 *         to made-up senders cannot fill the list.
 */
import type { Directory } from "../../directory/directory.ts";
import type { Address } from "../../mail/address.ts";
import { bounceOf } from "../../mail/bounce/classify.ts";
import type { Outcome } from "../../mail/outcome.ts";
import type { Job } from "../../queue/job.ts";
import { isSubject, namespaceOf } from "./judge.ts";
import type { SuppressionList } from "./list.ts";

type Failed = Extract<Outcome, { kind: "failed" }>;

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
    if (outcome.kind === "failed" && rules.classes.has(bounceOf(outcome) ?? "other"))
      refused({ namespace, address, job, outcome, now, list, ...rules });
    else if (outcome.kind === "delivered" && list.find(namespace, address)?.watched !== undefined)
      list.remove(namespace, address);
  }
}

interface Refusal {
  readonly namespace: string;
  readonly address: Address;
  readonly job: Job;
  readonly outcome: Failed;
  readonly now: number;
  readonly list: SuppressionList;
  readonly after: number;
  readonly forMs: number;
}

function refused({ namespace, address, job, outcome, now, list, after, forMs }: Refusal): void {
  const known = list.find(namespace, address);
  const current = known !== undefined && known.until > now ? known : undefined;
  // On the list for another reason, or for longer: tried before it got there.
  if (current !== undefined && current.watched === undefined && current.until >= now + forMs) return;
  const count = (current?.watched ?? 0) + 1;
  const { reply } = outcome;
  list.put(namespace, {
    address,
    by: "bounce",
    bounce: bounceOf(outcome) ?? "other",
    at: now,
    until: now + forMs,
    ...(count < after ? { watched: count } : {}),
    text: `${reply.code} ${reply.enhanced} ${reply.text}`,
    message: job.message,
  });
}
