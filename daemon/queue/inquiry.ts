/**
 * What people ask of those who own jobs, and the answer from an owner's schedule in memory: no record is read, so a million
 * jobs are counted and paged without a listing.
 *
 * In:     entries of a schedule, a selection of them, and what is paused.
 * Out:    counts by target, the largest first; or one page of keys in a fixed order, to go on behind.
 * Cost:   one look at each entry, in turns of `TURN` between which others work (`rest`): about 0.1 s of processor time for a
 *         million. Entries that come or go meanwhile are counted or not.
 */
import { glob } from "../kit/glob.ts";
import { messageOf } from "./ids.ts";
import type { JobClass, JobKey, MessageId, PolicyName } from "./job.ts";
import type { Entry } from "./schedule.ts";
import { parseTarget, type TargetJob } from "./target.ts";

/** `active`: in line for a connection, or under way. */
export type QueueState = "ready" | "deferred" | "held" | "paused" | "active";
export const queueStates = ["ready", "deferred", "held", "paused", "active"] as const;

/** Everything that is said must hold. */
export interface Selection {
  readonly class?: JobClass;
  readonly namespace?: string;
  readonly policy?: PolicyName;
  /** May hold `*`. */
  readonly destination?: string;
  readonly state?: QueueState;
  readonly message?: MessageId;
}

export type Counts = Readonly<Record<QueueState, number>> & {
  readonly jobs: number;
  /** How long the oldest one that could be sent now has waited, ms; 0: there is none. */
  readonly oldestReadyMs: number;
};

export interface GroupCount extends TargetJob, Counts {
  /** When the next deferred one is tried, ms since the epoch. */
  readonly next?: number;
}

export interface Groups {
  readonly total: Counts;
  /** The largest first. */
  readonly groups: readonly GroupCount[];
  /** Groups that were left out. */
  readonly more: number;
}

export interface Listed {
  readonly key: JobKey;
  readonly state: QueueState;
  /** When it is tried next, ms since the epoch: of what is deferred or ready. */
  readonly next?: number;
  /** Where to go on behind it. */
  readonly cursor: string;
}

export interface Page {
  readonly jobs: readonly Listed[];
  /** How many are selected, this page and all others together. */
  readonly matching: number;
}

/** `due`: what is tried next comes first. `key`: an order that no change of a job alters. */
export type Order = "due" | "key";

export type JobInquiry =
  | { readonly kind: "groups"; readonly of: Selection; readonly limit: number }
  | {
      readonly kind: "jobs";
      readonly of: Selection;
      readonly order: Order;
      readonly after?: string;
      readonly limit: number;
    };

export interface Looking {
  readonly now: number;
  readonly isPaused: (job: TargetJob) => boolean;
  /** Lets others work. */
  readonly rest: () => Promise<void>;
}

/** A millisecond of looking, or less. */
const TURN = 5_000;

interface Seen {
  readonly wanted: boolean;
  readonly paused: boolean;
  counts: { -readonly [K in keyof GroupCount]: GroupCount[K] } | undefined;
}

export async function countGroups(
  entries: Iterable<Entry>,
  { of, limit }: Extract<JobInquiry, { kind: "groups" }>,
  looking: Looking,
): Promise<Groups> {
  const targets = new Targets(of, looking);
  const total = noJobs();
  await visit(entries, of, targets, looking, (entry, seen, state) => {
    seen.counts ??= { ...parseTarget(entry.target), ...noJobs() };
    count(total, entry, state, looking.now);
    count(seen.counts, entry, state, looking.now);
    if (state === "deferred") seen.counts.next = Math.min(seen.counts.next ?? entry.due, entry.due);
  });
  return largest(total, targets.counted(), limit);
}

/** What several owners said, as one. Each target lies with one of them. */
export function mergeGroups(answers: readonly Groups[], limit: number): Groups {
  const total = noJobs();
  for (const answer of answers) {
    for (const name of [...queueStates, "jobs"] as const) total[name] += answer.total[name];
    total.oldestReadyMs = Math.max(total.oldestReadyMs, answer.total.oldestReadyMs);
  }
  const merged = largest(
    total,
    answers.flatMap(({ groups }) => groups),
    limit,
  );
  return { ...merged, more: merged.more + answers.reduce((sum, { more }) => sum + more, 0) };
}

export async function pageOf(
  entries: Iterable<Entry>,
  { of, order, after = "", limit }: Extract<JobInquiry, { kind: "jobs" }>,
  looking: Looking,
): Promise<Page> {
  const targets = new Targets(of, looking);
  const page = new FirstOnes(order, after, limit);
  let matching = 0;
  await visit(entries, of, targets, looking, (entry, _, state) => {
    matching++;
    page.offer(entry, state);
  });
  return { jobs: page.listed(), matching };
}

/** The first so many behind a cursor, of a crowd that comes in any order. */
class FirstOnes {
  readonly #order: Order;
  readonly #after: string;
  readonly #limit: number;
  #page: Listed[] = [];
  /** Nothing behind it can be on the page any more. */
  #last: Listed | undefined;
  #lastDue = Number.POSITIVE_INFINITY;

  constructor(order: Order, after: string, limit: number) {
    this.#order = order;
    this.#after = after;
    this.#limit = limit;
  }

  offer(entry: Entry, state: QueueState): void {
    // Without making a cursor of it: most of a million are turned away here.
    if (this.#order === "due" && Math.round(entry.due) > this.#lastDue) return;
    const cursor = cursors[this.#order](entry);
    if (cursor <= this.#after || (this.#last !== undefined && cursor >= this.#last.cursor)) return;
    const timed = state === "deferred" || state === "ready";
    this.#page.push({ key: entry.key, state, cursor, ...(timed ? { next: entry.due } : {}) });
    if (this.#page.length >= 2 * this.#limit) this.#cut();
  }

  listed(): readonly Listed[] {
    return firstOf(this.#page, this.#limit);
  }

  #cut(): void {
    this.#page = firstOf(this.#page, this.#limit);
    this.#last = this.#page.at(-1);
    if (this.#order === "due") this.#lastDue = Number(this.#last?.cursor.slice(0, DIGITS));
  }
}

export function mergePages(pages: readonly Page[], limit: number): Page {
  const jobs = pages.flatMap((page) => page.jobs);
  return { jobs: firstOf(jobs, limit), matching: pages.reduce((sum, page) => sum + page.matching, 0) };
}

const firstOf = (jobs: readonly Listed[], limit: number): Listed[] =>
  jobs.toSorted((a, b) => (a.cursor < b.cursor ? -1 : 1)).slice(0, limit);

const DIGITS = 16;

/** Text that sorts as the jobs shall. */
const cursors: Readonly<Record<Order, (entry: Entry) => string>> = {
  due: ({ due, key }) => `${String(Math.max(0, Math.round(due))).padStart(DIGITS, "0")} ${key}`,
  key: ({ key }) => key,
};

async function visit(
  entries: Iterable<Entry>,
  { state: wanted, message }: Selection,
  targets: Targets,
  { now, rest }: Looking,
  each: (entry: Entry, seen: Seen, state: QueueState) => void,
): Promise<void> {
  let looked = 0;
  for (const entry of entries) {
    if (++looked % TURN === 0) await rest();
    const seen = targets.look(entry.target);
    if (!seen.wanted || (message !== undefined && messageOf(entry.key) !== message)) continue;
    const state = stateOf(entry, seen.paused, now);
    if (wanted === undefined || wanted === state) each(entry, seen, state);
  }
}

function stateOf({ wish, state, due }: Entry, paused: boolean, now: number): QueueState {
  if (wish === "hold") return "held";
  if (state === "busy") return "active";
  if (paused) return "paused";
  return due <= now ? "ready" : "deferred";
}

/** Each target is judged once. */
class Targets {
  readonly #of: Selection;
  readonly #looking: Looking;
  readonly #fits: (destination: string) => boolean;
  readonly #seen = new Map<string, Seen>();

  constructor(of: Selection, looking: Looking) {
    this.#of = of;
    this.#looking = looking;
    this.#fits = of.destination === undefined ? () => true : glob(of.destination);
  }

  look(name: string): Seen {
    let seen = this.#seen.get(name);
    if (seen === undefined) {
      const job = parseTarget(name);
      seen = { wanted: this.#isWanted(job), paused: this.#looking.isPaused(job), counts: undefined };
      this.#seen.set(name, seen);
    }
    return seen;
  }

  counted(): GroupCount[] {
    return [...this.#seen.values()].flatMap(({ counts }) => counts ?? []);
  }

  #isWanted({ class: cls, policy, destination }: TargetJob): boolean {
    const { class: wantedClass, policy: wantedPolicy, namespace } = this.#of;
    if (wantedClass !== undefined && wantedClass !== cls) return false;
    if (wantedPolicy !== undefined && wantedPolicy !== policy) return false;
    if (namespace !== undefined && !policy.startsWith(`${namespace}/`)) return false;
    return this.#fits(destination);
  }
}

type Counting = { -readonly [K in keyof Counts]: number };

const noJobs = (): Counting => ({
  jobs: 0,
  ready: 0,
  deferred: 0,
  held: 0,
  paused: 0,
  active: 0,
  oldestReadyMs: 0,
});

function count(counts: Counting, entry: Entry, state: QueueState, now: number): void {
  counts.jobs++;
  counts[state]++;
  if (state === "ready") counts.oldestReadyMs = Math.max(counts.oldestReadyMs, now - entry.due);
}

function largest(total: Counts, groups: readonly GroupCount[], limit: number): Groups {
  const sorted = groups.toSorted((a, b) => b.jobs - a.jobs || (a.destination < b.destination ? -1 : 1));
  return { total, groups: sorted.slice(0, limit), more: Math.max(0, sorted.length - limit) };
}
