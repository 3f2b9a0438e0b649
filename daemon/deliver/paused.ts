/**
 * Due jobs of policies whose delivery is paused. They cost nothing while they wait: neither a look at each nor a read.
 *
 * In:     entries that are due though their policy is paused.
 * Out:    `release` with those whose policy goes on, within a second.
 */
import type { Job } from "../queue/job.ts";
import type { Entry } from "../queue/schedule.ts";

type Of = Pick<Job, "class" | "policy">;

interface Group {
  readonly of: Of;
  readonly entries: Set<Entry>;
}

export interface PausedOptions {
  readonly isPaused: (of: Of) => boolean;
  readonly release: (entries: Iterable<Entry>) => void;
  readonly lookMs?: number;
}

export class Paused {
  readonly #o: PausedOptions;
  readonly #groups = new Map<string, Group>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PausedOptions) {
    this.#o = options;
  }

  add(entry: Entry, of: Of): void {
    const name = `${of.class} ${of.policy}`;
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { of, entries: new Set() };
      this.#groups.set(name, group);
    }
    group.entries.add(entry);
    this.#timer ??= setInterval(() => this.#look(), this.#o.lookMs ?? 1_000);
  }

  /** It is gone, or somebody else's. */
  remove(entry: Entry): void {
    for (const { entries } of this.#groups.values()) entries.delete(entry);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#groups.clear();
  }

  #look(): void {
    for (const [name, { of, entries }] of this.#groups) {
      if (entries.size > 0 && this.#o.isPaused(of)) continue;
      this.#groups.delete(name);
      this.#o.release(entries);
    }
    if (this.#groups.size === 0) this.stop();
  }
}
