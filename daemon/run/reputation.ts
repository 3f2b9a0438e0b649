/**
 * The suppression list and those who use it on the way out: who gets nothing, what refusals teach, which complaints count,
 * the fields by which complaints come back.
 *
 * In:     the store, the directory, metrics.
 * Out:    a `Reputation`; the list is known when it is opened, or will be (mail does not wait for it for long).
 */
import { Complaints } from "../deliver/complaints/complaints.ts";
import { Returned } from "../deliver/complaints/returned.ts";
import type { Tell } from "../deliver/complaints/tied.ts";
import { Feedback } from "../deliver/sign/feedback.ts";
import { type Judgement, suppressedOf } from "../deliver/suppression/judge.ts";
import { learn } from "../deliver/suppression/learn.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { feedbackPurpose } from "../mail/feedback-id.ts";
import type { Outcome } from "../mail/outcome.ts";
import { JetStreamSuppression } from "../nats/suppression.ts";
import type { Job, Queued } from "../queue/job.ts";
import type { MailLines } from "../queue/mail-lines.ts";
import type { Metrics } from "./metrics.ts";
import type { Store } from "./store.ts";

export interface Reputation extends AsyncDisposable {
  suppressed(job: Job): Judgement | undefined;
  learn(job: Job, outcomes: readonly Outcome[]): void;
  /** Looks whether what is about to be filed here is a complaint, or a bounce that comes back. */
  look(queued: Queued, signal: AbortSignal): Promise<void>;
  readonly feedback: Feedback;
}

export interface ReputationContext {
  readonly store: Store;
  readonly live: LiveDirectory;
  readonly metrics: Metrics;
  readonly lines: MailLines;
  readonly log: Log;
  readonly drain: AbortSignal;
}

export async function openReputation(context: ReputationContext): Promise<Reputation> {
  const { store, live, metrics, lines, log, drain } = context;
  const { link, namespace, queue, vault } = store;
  await using parts = new AsyncDisposableStack();
  const list = parts.use(new JetStreamSuppression({ link, clock: systemClock, log, namespace }));
  await list.start(drain);
  const keys = (of: string) => vault.deriveAll(feedbackPurpose, of);
  const counted = (result: string) => metrics.complaint(result);
  const tell: Tell = async (event, about) => {
    lines.tell(event, about);
    await store.events.tellSurely(event, about);
  };
  const complaints = new Complaints({ list, queue, keys, counted, tell, log });
  const returned = new Returned({ list, queue, keys, tell, log });
  const owned = parts.move();
  const { now } = systemClock;
  return {
    suppressed: (job) => suppressedOf(job, live.current(), list, now()),
    learn: (job, outcomes) => learn(job, outcomes, live.current(), list, now()),
    look: async (queued, signal) => {
      await complaints.look(queued, live.current(), now(), signal);
      await returned.look(queued, live.current(), now(), signal);
    },
    feedback: new Feedback({ directory: live, keys }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
