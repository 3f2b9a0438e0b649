/**
 * Ends an attempt: from outcomes to a settled job. The only writer of what delivery learns.
 *
 * In:     the queued job and one outcome per recipient.
 * Out:    the job's next record (or none), DSNs and trace events, all of the queue's part in one atomic batch; resolves
 *         with the time of the next attempt, or `undefined` when the job is gone.
 * Fails:  never on the store: what happened outside cannot be undone, so a store that is away is tried until it answers
 *         or the signal aborts (then it rejects, and the job is attempted again by whoever owns it). When somebody else
 *         changed the job meanwhile, the outcomes are settled against its new record. A deferral for which a full store
 *         has no room is kept in memory only: waiting for room would keep the job from the delivery that makes room.
 */
import type { LiveDirectory } from "../directory/directory.ts";
import type { Chance, Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { dsnMessage } from "../mail/dsn/message.ts";
import { type Original, originalLimit } from "../mail/dsn/original.ts";
import type { Report } from "../mail/dsn/report.ts";
import type { Origin } from "../mail/envelope.ts";
import type { Outcome } from "../mail/outcome.ts";
import { isEnding, type TraceEvent } from "../queue/events.ts";
import type { Job, MessageId, Queued } from "../queue/job.ts";
import { type Concerned, concerning } from "../queue/message-event.ts";
import { type NewMessage, type Queue, QueueError } from "../queue/queue.ts";
import { defaultRetry, expiresAt, type RetryNumbers } from "../queue/retry.ts";
import { type Plan, plan } from "../queue/settle.ts";
import type { Finisher } from "./attempts.ts";
import { type MakeJobs, sendsOf } from "./sends.ts";

export interface FinisherOptions {
  readonly queue: Pick<Queue, "settle" | "read" | "body" | "newId" | "forget" | "openBody" | "accept">;
  readonly directory: LiveDirectory;
  readonly makeJobs: MakeJobs;
  readonly hostname: string;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  readonly record: (event: TraceEvent, about: Concerned) => void;
  /**
   * Stores what became of recipients where somebody relies on hearing of it: before the job is settled, since a job that is
   * gone cannot be told of. `undefined`: nobody does, and nothing is told yet.
   */
  readonly keep?: (events: readonly TraceEvent[], about: Concerned) => Promise<void> | undefined;
  readonly outcome: (outcome: Outcome) => void;
  /** An attempt is over and written down. `times`: ms since the epoch. */
  readonly attempted?: (
    job: Job,
    times: { readonly began: number; readonly ended: number; readonly settled: number },
    events: readonly TraceEvent[],
  ) => void;
  /** What an attempt says about its recipients' addresses. */
  readonly learn?: (job: Job, outcomes: readonly Outcome[]) => void;
}

const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
const ourOrigin: Origin = { client: "local", helo: "", protocol: "local" };

export class QueueFinisher implements Finisher {
  readonly #o: FinisherOptions;

  constructor(options: FinisherOptions) {
    this.#o = options;
  }

  async finish(
    queued: Queued,
    outcomes: readonly Outcome[],
    ms: number,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { queue, clock, log, outcome, learn } = this.#o;
    for (const each of outcomes) outcome(each);
    learn?.(queued.job, outcomes);
    const ended = clock.now();
    let current: Queued = queued;
    let now: readonly (Outcome | undefined)[] = outcomes;
    for (let pause = PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        const done = await this.#settle(current, now, ms, signal);
        if (done) {
          const times = { began: ended - ms, ended, settled: clock.now() };
          this.#o.attempted?.(current.job, times, done.events);
          return done.next && this.#due(done.next);
        }
        const changed = await queue.read(queued.key, signal);
        if (changed === undefined) return undefined;
        log.info({ job: queued.key }, "the job was changed during an attempt; settling on its new record");
        now = reassigned(queued, outcomes, changed);
        current = changed;
      } catch (error) {
        signal.throwIfAborted();
        log.warn({ err: error, job: queued.key }, "an attempt could not be settled yet");
        await this.#o.clock.sleep(pause, signal);
      }
    }
  }

  /** The plan that was carried out, or `undefined` when the record is stale. */
  async #settle(
    queued: Queued,
    outcomes: readonly (Outcome | undefined)[],
    ms: number,
    signal: AbortSignal,
  ): Promise<Plan | undefined> {
    const { queue, clock, chance, hostname, record } = this.#o;
    const { key, revision, job, inline } = queued;
    const planned = plan({
      job,
      outcomes,
      now: clock.now(),
      retry: this.#retry(job),
      reportingMta: hostname,
      chance,
      newId: () => queue.newId(),
      ms,
    });
    if (planned.next === job) return planned; // nothing was learned
    const about = concerning(job);
    const endings = planned.events.filter(({ kind }) => isEnding(kind));
    const kept = endings.length === 0 ? undefined : this.#o.keep?.(endings, about);
    // Before anything goes out: while events cannot be kept, this is tried again and again.
    await kept;
    const reports = planned.reports.length === 0 ? [] : await this.#messages(planned.reports, queued, signal);
    const also = [...reports, ...(await this.#sends(outcomes, queued, signal))];
    const change = { key, revision, next: planned.next, also, canWait: true, ...(inline ? { inline } : {}) };
    try {
      if ((await queue.settle(change, signal)) === "stale") return undefined;
    } catch (error) {
      if (!isFull(error) || !saysNothingNew(planned, job)) throw error;
      this.#o.log.warn(
        { job: key },
        "no room to write a deferral; the job is tried again at its time all the same",
      );
    }
    if (planned.next === undefined) queue.forget(key, job);
    for (const event of planned.events) if (!kept || !isEnding(event.kind)) record(event, about);
    return planned;
  }

  /** What goes into the batch; more than fits is sent before. */
  async #sends(
    outcomes: readonly (Outcome | undefined)[],
    queued: Queued,
    signal: AbortSignal,
  ): Promise<readonly NewMessage[]> {
    if (!outcomes.some((outcome) => outcome?.kind === "delivered" && outcome.sends)) return [];
    const { queue, directory, makeJobs, clock } = this.#o;
    const parts = { queue, directory: directory.current(), makeJobs, now: clock.now() };
    const { few, many } = await sendsOf(outcomes, queued, parts, signal);
    for (const message of many) await queue.accept(message, signal);
    return few;
  }

  #due(job: Job): number {
    return job.held ? expiresAt(job.queuedAt, this.#retry(job)) : job.nextAttempt;
  }

  #retry(job: Job): RetryNumbers {
    return this.#o.directory.current().policy(job.policy)?.retry ?? defaultRetry;
  }

  async #messages(reports: readonly Report[], queued: Queued, signal: AbortSignal): Promise<NewMessage[]> {
    const original = await this.#original(queued, signal);
    const messages: NewMessage[] = [];
    for (const report of reports) {
      const message = await this.#message(report, queued.job, original, signal);
      if (message) messages.push(message);
    }
    return messages;
  }

  async #message(
    report: Report,
    job: Job,
    original: Original | undefined,
    signal: AbortSignal,
  ): Promise<NewMessage | undefined> {
    const { queue, directory, makeJobs, record, log } = this.#o;
    const id = report.id as MessageId;
    const { octets, eightBit, smtputf8 } = dsnMessage(report, original);
    // RFC 8689 §5: what must not travel in the open does not come back so either.
    const requireTls = job.sender.requireTls ? { requireTls: true as const } : {};
    const { jobs } = makeJobs(directory.current(), {
      message: id,
      queuedAt: report.at,
      sender: { path: "", body: eightBit ? "8BITMIME" : "7BIT", smtputf8, ...requireTls },
      origin: ourOrigin,
      policy: job.policy,
      recipients: [{ address: report.to }],
    });
    if (jobs.length === 0) {
      const reason = `no way to tell <${report.to}>: it does not exist here`;
      log.warn({ message: job.message, reason }, "nobody could be told of a failure");
      record({ kind: "dropped", at: report.at, message: job.message, reason }, concerning(job));
      return undefined;
    }
    const writer = queue.openBody(id, signal, true);
    await writer.write(octets);
    return { jobs, body: await writer.finish() };
  }

  /** As much of the message as a DSN returns; without it the DSN says less, but it is sent. */
  async #original(queued: Queued, signal: AbortSignal): Promise<Original | undefined> {
    const parts: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const part of this.#o.queue.body(queued, signal)) {
        parts.push(part);
        size += part.length;
        if (size > originalLimit) break;
      }
    } catch (error) {
      signal.throwIfAborted();
      this.#o.log.warn({ err: error, job: queued.key }, "the message could not be read for its report");
      return undefined;
    }
    return { octets: Buffer.concat(parts), complete: size === queued.job.body.size };
  }
}

const isFull = (error: unknown): boolean => error instanceof QueueError && error.reply.code === 452;

/** Nobody left and nobody is told: the record as it stands is as good, but for its history. */
const saysNothingNew = ({ next, reports }: Plan, job: Job): boolean =>
  reports.length === 0 && next?.recipients.length === job.recipients.length;

/** The outcomes for the recipients that the changed record still has. */
function reassigned(before: Queued, outcomes: readonly Outcome[], after: Queued): (Outcome | undefined)[] {
  const byAddress = new Map(before.job.recipients.map(({ address }, i) => [address, outcomes[i]]));
  return after.job.recipients.map(({ address }) => byAddress.get(address));
}
