/**
 * Endings: what an outcome comes to for one recipient once the message's lifetime and operators' orders are counted in;
 * and the trace events that tell of them.
 */
import type { BounceClass } from "../mail/bounce/classes.ts";
import { bounceOf } from "../mail/bounce/classify.ts";
import type { Recipient } from "../mail/envelope.ts";
import type { Outcome, Remote } from "../mail/outcome.ts";
import { type Reply, reply } from "../mail/reply.ts";
import type { EventBase, EventDetail, TraceEvent } from "./events.ts";
import type { Job } from "./job.ts";

interface Answer {
  readonly recipient: Recipient;
  readonly reply: Reply;
  readonly remote?: Remote;
}

export type Delivered = Answer & {
  readonly kind: "delivered";
  readonly how: Extract<Outcome, { kind: "delivered" }>["how"];
};
export type Failed = Answer & {
  readonly kind: "failed";
  readonly bounce: BounceClass;
  readonly cause?: "expired" | "returned";
};
export type Deferred = Answer & { readonly kind: "deferred"; readonly bounce: BounceClass };
export type Ending =
  | Delivered
  | Failed
  | Deferred
  | { readonly kind: "untried"; readonly recipient: Recipient };

const returnedReply = (reason: string): Reply =>
  reply(554, "5.3.0", reason === "" ? "Returned by an operator" : `Returned by an operator: ${reason}`);

/** One ending per recipient, in the job's order. `expired`: the message's lifetime is over. */
export function endingsOf(
  job: Job,
  outcomes: readonly (Outcome | undefined)[],
  expired: boolean,
): readonly Ending[] {
  const returned = job.order && returnedReply(job.order.reason);
  return job.recipients.map((recipient, i) => endingOf(recipient, outcomes[i], expired, returned));
}

function endingOf(
  recipient: Recipient,
  outcome: Outcome | undefined,
  expired: boolean,
  returned: Reply | undefined,
): Ending {
  if (outcome?.kind === "delivered")
    return { ...answer(recipient, outcome), kind: "delivered", how: outcome.how };
  const bounce = (outcome && bounceOf(outcome)) ?? "other";
  if (outcome?.kind === "failed") return { ...answer(recipient, outcome), kind: "failed", bounce };
  if (returned) return { recipient, reply: returned, kind: "failed", bounce: "operator", cause: "returned" };
  if (outcome === undefined) return { kind: "untried", recipient };
  if (expired) return { ...answer(recipient, outcome), kind: "failed", bounce: "expired", cause: "expired" };
  return { ...answer(recipient, outcome), kind: "deferred", bounce };
}

const answer = (recipient: Recipient, { reply, remote }: Outcome): Answer =>
  remote === undefined ? { recipient, reply } : { recipient, reply, remote };

/** Endings that differ in nothing but the recipient are one event. */
export function attemptEvents(
  base: EventBase,
  endings: readonly Ending[],
  nextAttempt: number | undefined,
  ms: number | undefined,
): TraceEvent[] {
  const groups = new Map<string, (Delivered | Failed | Deferred)[]>();
  for (const ending of endings) {
    if (ending.kind === "untried") continue;
    const id = endings.length === 1 ? "" : likeness(ending);
    const group = groups.get(id);
    if (group) group.push(ending);
    else groups.set(id, [ending]);
  }
  return Array.from(groups.values(), (group) => eventOf(base, group, nextAttempt, ms));
}

function likeness(ending: Delivered | Failed | Deferred): string {
  const { kind, reply, remote } = ending;
  const detail = kind === "delivered" ? ending.how : kind === "failed" ? ending.cause : undefined;
  return JSON.stringify([
    kind,
    detail,
    kind === "delivered" ? undefined : ending.bounce,
    reply.code,
    reply.enhanced,
    reply.text,
    remote?.name,
    remote?.address,
  ]);
}

function eventOf(
  base: EventBase,
  group: readonly (Delivered | Failed | Deferred)[],
  nextAttempt: number | undefined,
  ms: number | undefined,
): TraceEvent {
  const [first] = group;
  if (first === undefined) throw new RangeError("an event needs an ending");
  const { reply, remote } = first;
  const end = {
    recipients: group.map(({ recipient }) => recipient.address),
    reply,
    ...(remote === undefined ? {} : { remote }),
    ...(first.kind === "delivered" ? {} : { bounce: first.bounce }),
    ...(ms === undefined ? {} : { ms }),
  };
  return { ...base, ...detailOf(first, end, nextAttempt) };
}

function detailOf(
  first: Delivered | Failed | Deferred,
  end: Omit<Extract<EventDetail, { kind: "expired" }>, "kind">,
  nextAttempt: number | undefined,
): EventDetail {
  switch (first.kind) {
    case "delivered":
      return { kind: "delivered", how: first.how, ...end };
    case "failed":
      return { kind: first.cause === "expired" ? "expired" : "failed", ...end };
    case "deferred":
      return { kind: "deferred", nextAttempt: nextAttempt ?? 0, ...end };
  }
}
