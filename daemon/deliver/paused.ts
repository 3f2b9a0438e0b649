/**
 * Due jobs whose policy or site is paused. They cost nothing while they wait: neither a look at each nor a read.
 *
 * In:     entries that are due though nothing may be sent, under a name for what is paused, and how to see that it still is.
 * Out:    `release` with those that may go on, within a second.
 */
import type { Entry } from "../queue/schedule.ts";

interface Group {
  readonly isPaused: () => boolean;
  readonly entries: Set<Entry>;
}

export interface PausedOptions {
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

  add(entry: Entry, name: string, isPaused: () => boolean): void {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { isPaused, entries: new Set() };
      this.#groups.set(name, group);
    }
    group.entries.add(entry);
    this.#timer ??= setInterval(() => this.#look(), this.#o.lookMs ?? 1_000);
  }

  /** Something waits under this name. */
  holds(name: string): boolean {
    return this.#groups.has(name);
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
    for (const [name, { isPaused, entries }] of this.#groups) {
      if (entries.size > 0 && isPaused()) continue;
      this.#groups.delete(name);
      this.#o.release(entries);
    }
    if (this.#groups.size === 0) this.stop();
  }
}
