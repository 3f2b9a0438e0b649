/**
 * How much work a policy's relays have, asked of the processes themselves; and of the stream when none of them lives.
 *
 * Every owner of jobs answers questions on `figures.<class>.<namespace>.<policy>`, at `answers.<namespace>.<question>`, since
 * who is confined to a namespace may not answer just anywhere. Each counts what it owns, so the answers of all members
 * together are the policy's backlog, each job once. Nothing is kept: who does not ask costs nothing.
 *
 * In:     `answerFigures`: what to count; `askFigures`: a policy, and the members that must be heard.
 * Out:    one answer per member. `dueAt`: how many jobs lie in the stream, and when the first of them wants to be sent.
 * Fails:  `askFigures` never: who did not answer in time is in `missing`. `dueAt` throws `StoreFault`.
 */
import { type Msg, nuid } from "@nats-io/transport-node";
import type { Log } from "../kit/log.ts";
import type { PolicyName } from "../queue/job.ts";
import type { Pool } from "../queue/queue.ts";
import { decodeJob, policyTokens } from "./codec.ts";
import type { Link } from "./connect.ts";
import { queueStream, readLayout } from "./layout.ts";
import { isSuspended } from "./suspensions.ts";
import { Tail, type TailMessage } from "./tail.ts";

/** What a process can say of one policy's jobs. */
export interface Counted {
  /** To be sent now, whether they wait for a turn or for a connection. */
  readonly due: number;
  /** Waiting for another try. */
  readonly deferred: number;
  /** How long the oldest due job has been waiting, ms; 0: none is due. */
  readonly oldestDueMs: number;
  /** Sessions that are open now: with next hops, and those of clients. They would be cut by a sudden end. */
  readonly sessions: number;
}

export interface Figures extends Counted {
  readonly member: string;
  /** Absent outside of a cluster. */
  readonly pod?: string;
}

export interface Answered {
  readonly figures: readonly Figures[];
  /** Of the pods that had to be heard, those who were not. Figures without them are too small. */
  readonly missing: readonly string[];
}

/** Who answers. */
export interface Speaker {
  readonly member: string;
  readonly pod?: string;
}

const subjectOf = ({ class: cls, policy }: OfPolicy): string => `figures.${cls}.${policyTokens(policy)}`;
const everyPolicy = ({ class: cls, namespace = "*" }: Pool): string => `figures.${cls}.${namespace}.*`;
const answerSubject = (policy: PolicyName, question: string): string => {
  const [namespace = ""] = policy.split("/");
  return `answers.${namespace}.${question}`;
};
type OfPolicy = Pool & { readonly policy: PolicyName };

export interface AnswerOptions {
  readonly link: Link;
  readonly pool: Pool;
  readonly speaker: Speaker;
  readonly count: (policy: PolicyName) => Counted;
  readonly log: Log;
}

/** Answers from now on, until disposed of. */
export function answerFigures({ link, pool, speaker, count, log }: AnswerOptions): Disposable {
  const { policy } = pool;
  const subject = policy === undefined ? everyPolicy(pool) : subjectOf({ ...pool, policy });
  const answer = (error: Error | null, question: Msg) => {
    if (error) return log.warn({ err: error, subject }, "questions for figures cannot be heard");
    try {
      const asked = policy ?? policyOf(question.subject);
      const figures: Figures = { ...speaker, ...count(asked) };
      link.nc.publish(answerSubject(asked, question.string()), JSON.stringify(figures));
    } catch (fault) {
      log.warn({ err: fault }, "figures could not be told");
    }
  };
  const subscription = link.nc.subscribe(subject, { callback: answer });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}

const policyOf = (subject: string): PolicyName => {
  const [, , namespace = "", name = ""] = subject.split(".");
  return `${namespace}/${name.replaceAll("~", ".")}` as PolicyName;
};

export interface AskOptions {
  readonly link: Link;
  readonly pool: OfPolicy;
  /** The pods that must be heard: with all of them heard it does not wait longer. None: whoever answers in time. */
  readonly pods: readonly string[];
  readonly signal: AbortSignal;
  /** The longest wait, ms. */
  readonly patienceMs?: number;
}

/** Asks all members at once; resolves when the named pods have answered, or the patience is over. */
export function askFigures({ link, pool, pods, signal, patienceMs = 2_000 }: AskOptions): Promise<Answered> {
  const heard = new Map<string, Figures>();
  const silent = new Set(pods);
  const { promise, resolve } = Promise.withResolvers<void>();
  const question = nuid.next();
  const nobody = link.nc.subscribe(link.inbox(), { callback: () => resolve() }); // the server says that nobody listens
  const answers = link.nc.subscribe(answerSubject(pool.policy, question), {
    callback: (error, answer) => {
      if (error) return resolve();
      const figures = answer.json<Figures>();
      heard.set(figures.member, figures);
      if (figures.pod !== undefined) silent.delete(figures.pod);
      if (pods.length > 0 && silent.size === 0) resolve();
    },
  });
  const timer = setTimeout(resolve, patienceMs);
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted || !link.isUp()) resolve();
  else link.nc.publish(subjectOf(pool), question, { reply: nobody.getSubject() });
  return promise.then(() => {
    clearTimeout(timer);
    nobody.unsubscribe();
    answers.unsubscribe();
    return { figures: [...heard.values()], missing: [...silent] };
  });
}

export interface Waiting {
  readonly jobs: number;
  /** When the first of them wants to be sent, ms since the epoch (held ones never); `undefined`: none does. */
  readonly earliest: number | undefined;
  /** There are more: it is known already that something is due, so the rest was not read. */
  readonly more: boolean;
}

/** With something due found, so many records are enough to see. */
const ENOUGH = 1_000;

/**
 * What of a policy lies in the queue, read from the stream: for a policy that no relay works on just now. Its jobs are
 * read once, not followed. `now`: ms since the epoch.
 */
export async function dueAt(link: Link, policy: PolicyName, now: number, log: Log): Promise<Waiting> {
  const { shards } = await readLayout(link);
  const suspended = await isSuspended(link, policy);
  const found = new Map<string, number>();
  let earliest = Number.POSITIVE_INFINITY;
  for (let shard = 0; shard < shards; shard++) {
    const filter = `q${shard}.relay.${policyTokens(policy)}.>`;
    const enough = Promise.withResolvers<void>();
    const onMessage = ({ subject, sequence, data, forged }: TailMessage) => {
      const job = forged ? undefined : decodeJob(subject, sequence, data)?.job;
      if (!job) return void found.delete(subject);
      const waits = job.held || suspended;
      const at = job.order ? now : waits ? Number.POSITIVE_INFINITY : job.nextAttempt;
      found.set(subject, at);
      earliest = Math.min(earliest, at);
      if (earliest <= now && found.size >= ENOUGH) enough.resolve();
    };
    await using tail = new Tail(link, { stream: queueStream(shard), filters: [filter], onMessage, log });
    await tail.start();
    const end = await Promise.race([tail.caughtUp, enough.promise.then(() => "enough" as const)]);
    if (end === "enough") return { jobs: found.size, earliest, more: true };
  }
  return { jobs: found.size, earliest: Number.isFinite(earliest) ? earliest : undefined, more: false };
}
