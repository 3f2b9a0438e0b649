/**
 * Complaints that come to a policy's address: those that prove which message of ours they are about put its recipient onto
 * the suppression list.
 *
 * In:     jobs that are about to be filed in mailboxes of ours; the list; the keys that sealed the tokens.
 * Out:    the list is told and the message's events, and `counted` what became of a report. The message itself is filed like any other.
 * Fails:  never: a report that cannot be read is a message like any other.
 * Safety: what a stranger writes into a report counts for nothing but its token, which names the recipient and the message,
 *         holds for 60 days after that message was sent, and was given to that recipient only.
 */
import type { Directory, PolicyEntry } from "../../directory/directory.ts";
import type { Log } from "../../kit/log.ts";
import { type Address, parseAddress } from "../../mail/address.ts";
import type { TraceEvent } from "../../queue/events.ts";
import type { Queued } from "../../queue/job.ts";
import type { Queue } from "../../queue/queue.ts";
import { namespaceOf } from "../suppression/judge.ts";
import type { SuppressionList } from "../suppression/list.ts";
import { readAbuseReport } from "./report.ts";
import { beginningOf, concernedBy, type Tell, type Tied, tied } from "./tied.ts";

/** `untied`: without a token of ours, so nobody knows whom it is from. `meaningless`: a kind that is no complaint. */
export type ComplaintResult = "counted" | "untied" | "meaningless";

export interface ComplaintsOptions {
  readonly list: Pick<SuppressionList, "find" | "put">;
  readonly queue: Pick<Queue, "body">;
  /** Of a namespace, the newest first. */
  readonly keys: (namespace: string) => readonly Buffer[];
  readonly counted: (result: ComplaintResult) => void;
  readonly tell: Tell;
  readonly log: Log;
}

/** RFC 5965 §7.3, RFC 6430; `not-spam`, `auth-failure` and the like are no complaints. */
const complaints: ReadonlySet<string> = new Set([
  "abuse",
  "fraud",
  "opt-out",
  "opt-out-list",
  "virus",
  "other",
]);

export class Complaints {
  readonly #o: ComplaintsOptions;

  constructor(options: ComplaintsOptions) {
    this.#o = options;
  }

  async look(queued: Queued, directory: Directory, now: number, signal: AbortSignal): Promise<void> {
    const policy = policyFor(queued, directory);
    if (policy?.suppression.complaints === undefined) return;
    const { queue, keys, log, counted } = this.#o;
    try {
      const report = readAbuseReport(await beginningOf(queued, queue, signal));
      if (report === undefined) return;
      const { type, token } = report;
      const sent = tied(token, keys(namespaceOf(policy.policy)), now);
      const result = complaints.has(type) ? (sent ? "counted" : "untied") : "meaningless";
      counted(result);
      log.info({ type, result, about: sent?.message, message: queued.job.message }, "a complaint came");
      if (result !== "counted" || sent === undefined) return;
      this.#put(sent, policy, type, now);
      await this.#o.tell(complained(sent, type, queued, now), concernedBy(sent, policy.policy, queued));
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error, job: queued.key }, "a report of abuse could not be read");
    }
  }

  #put({ message, recipient }: Tied, policy: PolicyEntry, type: string, now: number): void {
    const namespace = namespaceOf(policy.policy);
    const until = now + (policy.suppression.complaints?.forMs ?? 0);
    const known = this.#o.list.find(namespace, recipient);
    if (known && known.watched === undefined && known.until >= until) return;
    this.#o.list.put(namespace, {
      address: recipient,
      by: "complaint",
      at: now,
      until,
      text: type,
      message,
    });
  }
}

const complained = (
  { message, recipient }: Tied,
  feedback: string,
  { job }: Queued,
  at: number,
): TraceEvent => ({
  kind: "complained",
  at,
  message,
  recipients: [recipient],
  feedback,
  report: job.message,
});

/** The policy whose address for complaints is among the recipients, by any name that led there. */
function policyFor({ job }: Queued, directory: Directory): PolicyEntry | undefined {
  const policies = byAddress(directory);
  if (policies.size === 0) return undefined;
  for (const { address, orcpt } of job.recipients) {
    const named = orcpt && parseAddress(orcpt.address);
    const found = policies.get(folded(address)) ?? (named && policies.get(folded(named)));
    if (found && directory.domain(job.destination)?.namespace === namespaceOf(found.policy)) return found;
  }
  return undefined;
}

const known = new WeakMap<Directory, ReadonlyMap<string, PolicyEntry>>();

/** Made once for each state of the directory. */
function byAddress(directory: Directory): ReadonlyMap<string, PolicyEntry> {
  const before = known.get(directory);
  if (before) return before;
  const found = new Map<string, PolicyEntry>();
  for (const policy of directory.policies()) {
    const { address } = policy.suppression.complaints ?? {};
    if (address !== undefined && !found.has(folded(address))) found.set(folded(address), policy);
  }
  known.set(directory, found);
  return found;
}

const folded = (address: Address): string => address.toLowerCase();
