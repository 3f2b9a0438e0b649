/**
 * Bounces that come back to a return path of ours: those that prove which message they are about count like the refusal of a
 * next hop. Behind a smarthost all do.
 *
 * In:     jobs without a sender that are about to be filed in mailboxes of ours; the list; the keys that sealed the tokens.
 * Out:    the list is told, and the message's events. The report itself is filed like any other, for the sender.
 * Fails:  never: what cannot be read is a message like any other.
 */
import type { Directory, SuppressionRules } from "../../directory/directory.ts";
import type { Log } from "../../kit/log.ts";
import { classify } from "../../mail/bounce/classify.ts";
import type { PolicyName, Queued } from "../../queue/job.ts";
import type { Queue } from "../../queue/queue.ts";
import { namespaceOf } from "../suppression/judge.ts";
import { refused } from "../suppression/learn.ts";
import type { SuppressionList } from "../suppression/list.ts";
import { readBounce } from "./bounce.ts";
import { beginningOf, concernedBy, type Tell, tied } from "./tied.ts";

export interface ReturnedOptions {
  readonly list: Pick<SuppressionList, "find" | "put">;
  readonly queue: Pick<Queue, "body">;
  /** Of a namespace, the newest first. */
  readonly keys: (namespace: string) => readonly Buffer[];
  readonly tell: Tell;
  readonly log: Log;
}

export class Returned {
  readonly #o: ReturnedOptions;

  constructor(options: ReturnedOptions) {
    this.#o = options;
  }

  async look(queued: Queued, directory: Directory, now: number, signal: AbortSignal): Promise<void> {
    const { policy, sender } = queued.job;
    const rules = sender.path === "" ? rulesFor(policy, directory) : undefined;
    if (rules === undefined) return;
    const { list, queue, keys, log } = this.#o;
    try {
      const found = readBounce(await beginningOf(queued, queue, signal));
      const namespace = namespaceOf(policy);
      const sent = found && tied(found.token, keys(namespace), now);
      if (found === undefined || sent === undefined) return;
      const { message, recipient: address } = sent;
      const bounce = classify(found.reply);
      log.info({ about: message, bounce, message: queued.job.message }, "a bounce came back");
      const { reply } = found;
      refused({ namespace, address, message, reply, bounce }, rules, list, now);
      const late = { late: true, report: queued.job.message } as const;
      const event = {
        kind: "failed",
        at: now,
        message,
        recipients: [address],
        reply,
        bounce,
        ...late,
      } as const;
      await this.#o.tell(event, concernedBy(sent, policy, queued));
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error, job: queued.key }, "a bounce could not be read");
    }
  }
}

type Rules = NonNullable<SuppressionRules["hardBounces"]>;
const known = new WeakMap<Directory, ReadonlyMap<string, Rules>>();

/** Of the return path's policy, else of the namespace's first one: which policy sent the message the report does not say. */
function rulesFor(policy: PolicyName, directory: Directory): Rules | undefined {
  const own = directory.policy(policy)?.suppression.hardBounces;
  if (own) return own;
  const before = known.get(directory) ?? byNamespace(directory);
  known.set(directory, before);
  return before.get(namespaceOf(policy));
}

function byNamespace(directory: Directory): ReadonlyMap<string, Rules> {
  const first = new Map<string, Rules>();
  for (const { policy, suppression } of directory.policies()) {
    const namespace = namespaceOf(policy);
    if (suppression.hardBounces && !first.has(namespace)) first.set(namespace, suppression.hardBounces);
  }
  return first;
}
