/**
 * The queue as people look at it: counted by destination and read page by page, never listed as a whole.
 *
 * Owners answer from their schedules (`nats/inquiries`). What nobody owns, such as the jobs of a policy that was scaled to
 * nothing, is read from the stream, within bounds.
 *
 * Out:    answers, and what they lack: `missing` members that did not answer in time, `unread` policies.
 * Fails:  `StoreFault` when the stream must be read and cannot be.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Directory } from "../directory/directory.ts";
import type { Log } from "../kit/log.ts";
import type { Link } from "../nats/connect.ts";
import { type Heard, inquire, type Said, type Voice } from "../nats/inquiries.ts";
import { readUnowned, type Unowned } from "../nats/unowned.ts";
import {
  countGroups,
  type Groups,
  type JobInquiry,
  type Looking,
  mergeGroups,
  mergePages,
  type Order,
  type Page,
  pageOf,
  type Selection,
} from "../queue/inquiry.ts";
import type { JobClass, PolicyName } from "../queue/job.ts";
import type { IsPaused } from "./filter.ts";

export interface QueueIndexOptions {
  readonly link: Link;
  readonly shards: number;
  readonly partitions: number;
  readonly directory: () => Directory;
  readonly isPaused: IsPaused;
  readonly now: () => number;
  readonly log: Log;
}

/** What an answer lacks; nothing, when all is well. */
export interface Lacking {
  /** Owners that did not answer in time. */
  readonly missing: readonly string[];
  /** Policies whose jobs lie with nobody just now and were not all read. */
  readonly unread: readonly string[];
}

/** Jobs that are read of one policy without owners. */
const READ_JOBS = 20_000;
/** Policies without owners that are read for one question. */
const READ_POLICIES = 50;

export class QueueIndex {
  readonly #o: QueueIndexOptions;

  constructor(options: QueueIndexOptions) {
    this.#o = options;
  }

  async groups(of: Selection, limit: number, signal: AbortSignal): Promise<Groups & Lacking> {
    const inquiry = { kind: "groups", of, limit } as const;
    const { answers, ...lacking } = await this.#ask<Groups>(inquiry, signal, (entries, looking) =>
      countGroups(entries, inquiry, looking),
    );
    return { ...mergeGroups(answers, limit), ...lacking };
  }

  async page(
    of: Selection,
    { order, after, limit }: { readonly order: Order; readonly after?: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<Page & Lacking> {
    const inquiry = { kind: "jobs", of, order, limit, ...(after === undefined ? {} : { after }) } as const;
    const { answers, ...lacking } = await this.#ask<Page>(inquiry, signal, (entries, looking) =>
      pageOf(entries, inquiry, looking),
    );
    return { ...mergePages(answers, limit), ...lacking };
  }

  /** What each process says, whichever pools it has. */
  async tell<Answer>(inquiry: unknown, signal: AbortSignal): Promise<Heard<Answer>> {
    return inquire<Answer>({ link: this.#o.link, namespaces: this.#namespaces({}), inquiry, signal });
  }

  async #ask<Answer>(
    inquiry: JobInquiry,
    signal: AbortSignal,
    read: (entries: Parameters<typeof countGroups>[0], looking: Looking) => Promise<Answer>,
  ): Promise<Lacking & { readonly answers: readonly Answer[] }> {
    const { link, partitions } = this.#o;
    const { of } = inquiry;
    const isEnough = (said: readonly Voice[]) =>
      (["relay", "local"] as const).every((cls) => coverage(said, cls, undefined) === partitions);
    const heard = await inquire<Answer>({
      link,
      namespaces: this.#namespaces(of),
      inquiry,
      signal,
      isEnough,
    });
    const { answers, unread } = await this.#readRest(of, heard.said, read);
    return {
      answers: [...heard.said.map(({ answer }) => answer), ...answers],
      unread,
      missing: heard.missing,
    };
  }

  /** What no voice holds. */
  async #readRest<Answer>(
    of: Selection,
    said: readonly Said<Answer>[],
    read: (entries: Parameters<typeof countGroups>[0], looking: Looking) => Promise<Answer>,
  ): Promise<{ readonly answers: readonly Answer[]; readonly unread: readonly string[] }> {
    const { link, shards, partitions, log, now, isPaused } = this.#o;
    const rest = async () => void (await turn());
    const held = this.#pools(of).map((pool) => ({ pool, by: coverage(said, pool.class, pool.policy) }));
    const unowned = held.filter(({ by }) => by === 0).map(({ pool }) => pool);
    const partly = held.filter(({ by }) => by > 0 && by < partitions).map(({ pool }) => pool);
    const unread = [...partly, ...unowned.slice(READ_POLICIES)].map(({ policy }) => policy as string);
    const answers: Answer[] = [];
    for (const each of unowned.slice(0, READ_POLICIES)) {
      const { entries, more } = await readUnowned(link, shards, each, READ_JOBS, log);
      answers.push(await read(entries, { now: now(), isPaused, rest }));
      if (more) unread.push(each.policy);
    }
    return { answers, unread: [...new Set(unread)] };
  }

  #pools(of: Selection): Unowned[] {
    const classes: readonly JobClass[] = of.class === undefined ? ["relay", "local"] : [of.class];
    const policies = of.policy === undefined ? this.#policies(of.namespace) : [of.policy];
    return classes.flatMap((cls) => policies.map((policy) => ({ class: cls, policy })));
  }

  #policies(namespace: string | undefined): PolicyName[] {
    const directory = this.#o.directory();
    const names = new Set<PolicyName>();
    for (const { policy } of directory.policies()) names.add(policy);
    for (const { policy } of directory.domains()) names.add(policy);
    return [...names].filter((name) => namespace === undefined || namespaceOf(name) === namespace);
  }

  #namespaces(of: Selection): readonly string[] {
    if (of.policy !== undefined) return [namespaceOf(of.policy)];
    return [...new Set(this.#policies(of.namespace).map(namespaceOf))];
  }
}

const namespaceOf = (policy: PolicyName): string => policy.slice(0, policy.indexOf("/"));

/** How many partitions of these jobs somebody holds; `undefined`: those of every policy. */
function coverage(said: readonly Voice[], cls: JobClass, policy: PolicyName | undefined): number {
  const held = new Set<number>();
  for (const { pool, partitions } of said) {
    if (pool.class !== cls) continue;
    const all = pool.policy === undefined && pool.namespace === undefined;
    const its = policy !== undefined && (pool.policy ?? policy) === policy;
    const near =
      pool.namespace === undefined || (policy !== undefined && pool.namespace === namespaceOf(policy));
    if (all || (its && near)) for (const partition of partitions) held.add(partition);
  }
  return held.size;
}
