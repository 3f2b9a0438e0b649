/**
 * How many workers there are at once, and which lane gets the next one.
 *
 * In:     lanes that want a worker; connections that are being opened.
 * Out:    `Worker`s within the limits below. A lane that gets none is remembered, so that a worker who goes home costs the
 *         same however many lanes wait.
 * Keeps:  room for lanes whose site is known to take mail, whatever the others do:
 *         - lanes that have a worker leave a fifth to those that have none, and sites that never took mail a tenth to those that did;
 *         - other sites may have half of the workers to open connections with, and those with mail that was never tried a tenth more;
 *         - who has opened for `patienceMs` without being greeted no longer counts, up to four times the number of workers:
 *           such a one holds a socket and no message. RFC 5321 §4.5.3.2.1 grants a greeting five minutes; without this, 500
 *           hosts that say nothing would keep every worker for so long.
 */
import { Line } from "../kit/line.ts";
import type { Gate } from "./carrier.ts";
import type { Lane } from "./lane.ts";

/**
 * In the order in which they are served: without a worker, at a site that takes mail; without one, with mail that was never tried;
 * without one, at another; with some.
 */
const ranks = ["known", "fresh", "unknown", "more"] as const;
type Rank = (typeof ranks)[number];

export interface StaffOptions {
  readonly maxWorkers: number;
  readonly patienceMs: number;
  /** There is room for another worker, though none went home. */
  readonly onRoom: () => void;
}

/** Of all workers, those that may open connections to other sites when a lane of its rank gets one. */
const venturing: Readonly<Record<Rank, number>> = { known: 1, fresh: 0.6, unknown: 0.5, more: 1 };
/** How many of all workers may be at work when a lane of its rank gets one. */
const shares: Readonly<Record<Rank, number>> = { known: 1, fresh: 0.9, unknown: 0.9, more: 0.8 };
/** Workers that wait for a greeting, for each that works. */
const ASIDE = 4;

export class Staff {
  readonly #o: StaffOptions;
  readonly #hungry: Readonly<Record<Rank, Line<Lane>>> = {
    known: new Line(),
    fresh: new Line(),
    unknown: new Line(),
    more: new Line(),
  };
  #working = 0;
  /** Of these, those that open connections to sites of which nothing good is known. */
  #venturing = 0;
  #aside = 0;

  constructor(options: StaffOptions) {
    this.#o = options;
  }

  get working(): number {
    return this.#working;
  }

  /** They wait for a greeting that does not come. */
  get aside(): number {
    return this.#aside;
  }

  /** A worker for the lane; `undefined`: it is remembered as one that wants one. */
  hire(lane: Lane): Worker | undefined {
    const rank = rankOf(lane);
    if (!this.#hasRoom(rank)) {
      this.#hungry[rank].push(lane);
      return undefined;
    }
    this.#working++;
    return new Worker(lane.way.gate, this.#books, this.#o.patienceMs);
  }

  /** A lane that may have a worker now. */
  next(): Lane | undefined {
    for (const rank of ranks) {
      const lane = this.#hasRoom(rank) ? this.#hungry[rank].shift() : undefined;
      if (lane) return lane;
    }
    return undefined;
  }

  /** Whoever idles on a connection may stay: nobody waits for the place, or it is among those that are kept for sites that take mail. */
  mayLinger({ way }: Lane): boolean {
    if (way.gate.worked && this.#working < this.#o.maxWorkers) return true;
    return !ranks.some((rank) => this.#hungry[rank].size > 0 && this.#isFull(rank));
  }

  #isFull(rank: Rank): boolean {
    return this.#working >= atLeastOne(this.#o.maxWorkers * shares[rank]);
  }

  #hasRoom(rank: Rank): boolean {
    return !this.#isFull(rank) && this.#venturing < atLeastOne(this.#o.maxWorkers * venturing[rank]);
  }

  readonly #books: Books = {
    ventures: (by) => {
      this.#venturing += by;
    },
    stepsAside: () => {
      if (this.#aside >= this.#o.maxWorkers * ASIDE) return false;
      this.#aside++;
      this.#working--;
      return true;
    },
    comesBack: () => {
      this.#aside--;
      this.#working++;
    },
    leaves: () => {
      this.#working--;
    },
    hasRoom: () => this.#o.onRoom(),
  };
}

const atLeastOne = (share: number): number => Math.max(1, Math.ceil(share));

const rankOf = ({ workers, way, fresh }: Lane): Rank => {
  if (workers > 0) return "more";
  if (way.gate.worked) return "known";
  return fresh ? "fresh" : "unknown";
};

interface Books {
  ventures(by: 1 | -1): void;
  /** False: there are too many already. */
  stepsAside(): boolean;
  comesBack(): void;
  leaves(): void;
  hasRoom(): void;
}

export class Worker {
  /** Of the site that it was hired for. */
  readonly gate: Gate;
  readonly #books: Books;
  readonly #patienceMs: number;

  constructor(gate: Gate, books: Books, patienceMs: number) {
    this.gate = gate;
    this.#books = books;
    this.#patienceMs = patienceMs;
  }

  /** While it opens a connection. */
  async opening<T>(open: () => Promise<T>): Promise<T> {
    const books = this.#books;
    let [ventures, aside] = [!this.gate.worked, false];
    if (ventures) books.ventures(1);
    const calm = () => {
      if (ventures) books.ventures(-1);
      ventures = false;
    };
    const timer = setTimeout(() => {
      aside = books.stepsAside();
      if (!aside) return;
      calm();
      books.hasRoom();
    }, this.#patienceMs);
    try {
      return await open();
    } finally {
      clearTimeout(timer);
      if (aside) books.comesBack();
      const frees = ventures;
      calm();
      if (frees) books.hasRoom();
    }
  }

  leave(): void {
    this.#books.leaves();
  }
}
