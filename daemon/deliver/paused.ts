/**
 * Due jobs whose policy or site is paused. They cost nothing while they wait: neither a look at each nor a read.
 *
 * In:     entries that are due though nothing may be sent, under a name for what keeps them back, and how to see that it still does.
 * Out:    `release` with those that may go on: within a second when what kept them back goes on; soon after, when it no longer
 *         lies on their way.
 * Bounded: a look costs a question for each name, of which so many at a time are asked about their way, and so many of these
 *         wait for the DNS. A million that are released come in portions, a turn of the event loop each.
 */
import type { Entry } from "../queue/schedule.ts";

/** What keeps entries back. */
export interface Pause {
  readonly isOn: () => boolean;
  /** Asked where ways change: what goes by this name now would still be kept back. */
  readonly isOnTheWay?: () => boolean | Promise<boolean>;
}

interface Group {
  readonly pause: Pause;
  readonly entries: Set<Entry>;
  isAsked: boolean;
}

export interface PausedOptions {
  /** Only of entries that are here still. */
  readonly release: (entries: readonly Entry[]) => void;
  readonly lookMs?: number;
}

/** Names that are asked about their way at a look. */
const A_LOOK = 1_000;
/** Of these, those that wait for an answer at once. */
const ASKING = 256;
/** Entries that are released in one turn of the event loop. */
const PORTION = 1_000;

export class Paused {
  readonly #o: PausedOptions;
  readonly #groups = new Map<string, Group>();
  /** Where the question about ways has come to. */
  #round: MapIterator<[string, Group]> | undefined;
  #asking = 0;
  readonly #leaving: SetIterator<Entry>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;

  constructor(options: PausedOptions) {
    this.#o = options;
  }

  add(entry: Entry, name: string, pause: Pause): void {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { pause, entries: new Set(), isAsked: false };
      this.#groups.set(name, group);
    }
    this.remove(entry);
    entry.keptIn = group.entries.add(entry);
    this.#timer ??= setInterval(() => this.#look(), this.#o.lookMs ?? 1_000);
  }

  /** Something waits under this name. */
  holds(name: string): boolean {
    return (this.#groups.get(name)?.entries.size ?? 0) > 0;
  }

  /** It is gone, somebody else's, or has another record. */
  remove(entry: Entry): void {
    entry.keptIn?.delete(entry);
    entry.keptIn = undefined;
  }

  stop(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#turn);
    this.#timer = undefined;
    this.#groups.clear();
    this.#leaving.length = 0;
  }

  #look(): void {
    for (const [name, group] of this.#groups)
      if (group.entries.size === 0 || !group.pause.isOn()) this.#release(name, group);
    this.#askAround();
    if (this.#groups.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** In turn, from where the last look has come to. */
  #askAround(): void {
    this.#round ??= this.#groups.entries();
    for (let asked = 0; asked < A_LOOK && this.#asking < ASKING; ) {
      const next = this.#round.next();
      if (next.done) {
        this.#round = undefined;
        return;
      }
      const [name, group] = next.value;
      if (group.pause.isOnTheWay === undefined || group.isAsked) continue;
      asked++;
      this.#ask(name, group, group.pause.isOnTheWay());
    }
  }

  #ask(name: string, group: Group, answer: boolean | Promise<boolean>): void {
    if (!(answer instanceof Promise)) {
      if (!answer) this.#release(name, group);
      return;
    }
    group.isAsked = true;
    this.#asking++;
    void answer
      .catch(() => true) // nobody could say
      .then((isOnTheWay) => {
        group.isAsked = false;
        this.#asking--;
        if (!isOnTheWay && this.#groups.get(name) === group) this.#release(name, group);
      });
  }

  #release(name: string, { entries }: Group): void {
    this.#groups.delete(name);
    if (entries.size === 0) return;
    this.#leaving.push(entries.values());
    this.#turn ??= setImmediate(() => this.#leave());
  }

  #leave(): void {
    this.#turn = undefined;
    const portion: Entry[] = [];
    for (let entries = this.#leaving[0]; entries && portion.length < PORTION; entries = this.#leaving[0]) {
      const next = entries.next();
      if (next.done) this.#leaving.shift();
      else {
        this.remove(next.value);
        portion.push(next.value);
      }
    }
    if (portion.length > 0) this.#o.release(portion);
    if (this.#leaving.length > 0) this.#turn = setImmediate(() => this.#leave());
  }
}
