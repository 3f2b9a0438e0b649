/**
 * A counting semaphore that several parties share: a party takes a slot only while more are free than it holds. So one alone has
 * half of them, two have a third each, and whoever comes finds some free, however long the others hold theirs.
 *
 * In:     how many slots; the party's name.
 * Out:    each party's own view, which works as `Slots` does. Of those that wait the one that holds least comes first, and
 *         among equals the one that has waited longest.
 */
export interface Turns {
  /** Calls `taken` when a slot is taken for the caller; the returned function gives up waiting (or is too late: false). */
  queue(taken: () => void): () => boolean;
  give(): void;
}

interface Party {
  held: number;
  /** In order of arrival, each with its number. */
  readonly waiting: Map<() => void, number>;
}

export class FairSlots {
  #free: number;
  /** Those that hold or wait for something. */
  readonly #parties = new Map<string, Party>();

  #arrivals = 0;

  constructor(count: number) {
    this.#free = count;
  }

  get free(): number {
    return this.#free;
  }

  of(name: string): Turns {
    return {
      queue: (taken) => {
        const party = this.#parties.get(name) ?? { held: 0, waiting: new Map() };
        this.#parties.set(name, party);
        const turn = () => taken(); // a fresh function, so that the same callback may wait twice
        party.waiting.set(turn, this.#arrivals++);
        this.#serve();
        return () => this.#withdraw(name, party, turn);
      },
      give: () => {
        const party = this.#parties.get(name);
        if (party === undefined || party.held === 0) throw new RangeError(`${name} holds no slot`);
        party.held--;
        this.#free++;
        this.#forgetIdle(name, party);
        this.#serve();
      },
    };
  }

  #withdraw(name: string, party: Party, turn: () => void): boolean {
    const isInTime = party.waiting.delete(turn);
    this.#forgetIdle(name, party);
    return isInTime;
  }

  #serve(): void {
    for (let party = this.#next(); party !== undefined; party = this.#next()) {
      const [turn] = party.waiting.keys();
      if (turn === undefined) return;
      party.waiting.delete(turn);
      party.held++;
      this.#free--;
      turn();
    }
  }

  #next(): Party | undefined {
    let best: Party | undefined;
    let since = 0;
    for (const party of this.#parties.values()) {
      const [first] = party.waiting.values();
      if (first === undefined || party.held >= this.#free) continue;
      const isBetter = best === undefined || party.held < best.held;
      if (!isBetter && (party.held > (best?.held ?? 0) || first > since)) continue;
      best = party;
      since = first;
    }
    return best;
  }

  #forgetIdle(name: string, { held, waiting }: Party): void {
    if (held === 0 && waiting.size === 0) this.#parties.delete(name);
  }
}
