/**
 * Who stands in line for a commit, and who goes next.
 *
 * In:     units of entries that are stored together or not at all; some of them can wait, since nobody waits for them.
 * Out:    the next batch: as many as fit, in order. While they are few (`FEW`, of one entry each), those that somebody waits
 *         for go alone, until one that can wait has done so for `patienceMs`, or `MANY` have gathered.
 * Order:  units for the same subject stay in theirs, and are never in one batch: so each compare-and-set sees the one before.
 */
import type { Clock } from "../kit/clock.ts";
import type { Entry } from "./batch.ts";

export interface Standing {
  readonly entries: readonly Entry[];
  /** Of the entries' data. */
  readonly bytes: number;
  /** When it came; monotonic ms. */
  readonly since: number;
  readonly canWait: boolean;
}

export interface CommitLineOptions {
  /** Of one batch. */
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly patienceMs: number;
  readonly clock: Clock;
}

/**
 * Up to this many units of one entry each go as messages of their own, one behind the other: in an unreplicated stream a
 * batch costs more than their fsyncs.
 */
const FEW = 8;
/** So many that can wait are worth a batch of their own. */
const MANY = 32;

const isAlone = ({ entries }: Standing): boolean => entries.length === 1;
export const isFew = (units: readonly Standing[]): boolean =>
  units.length > 1 && units.length <= FEW && units.every(isAlone);

export class CommitLine<Unit extends Standing> {
  readonly #o: CommitLineOptions;
  #waiting: Unit[] = [];
  /** Of them, those that can wait. */
  #patient = 0;
  /** Ends the pause while all can wait. */
  #wake: (() => void) | undefined;

  constructor(options: CommitLineOptions) {
    this.#o = options;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(unit: Unit): void {
    this.#waiting.push(unit);
    if (unit.canWait) this.#patient++;
    if (!unit.canWait || this.#patient >= MANY) this.#wake?.();
  }

  /** Resolves when there is something to take: at once, unless all can wait. */
  async ready(): Promise<void> {
    const [first] = this.#waiting;
    if (first === undefined || this.#patient < this.#waiting.length || this.#patient >= MANY) return;
    const left = first.since + this.#o.patienceMs - this.#o.clock.monotonic();
    if (left <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left);
      this.#wake = () => {
        clearTimeout(timer);
        // Everything that the current turn of the event loop wants to store goes along.
        setImmediate(resolve);
      };
    });
    this.#wake = undefined;
  }

  take(): Unit[] {
    const batch = this.#hurried() ?? this.#inOrder();
    for (const { canWait } of batch) if (canWait) this.#patient--;
    return batch;
  }

  /** Those that somebody waits for, when they are few and nothing that can wait has done so for long. */
  #hurried(): Unit[] | undefined {
    const hurried = this.#waiting.length - this.#patient;
    if (this.#patient === 0 || this.#patient >= MANY || hurried === 0 || hurried > FEW) return undefined;
    const units: Unit[] = [];
    const others: Unit[] = [];
    for (const unit of this.#waiting) (unit.canWait ? others : units).push(unit);
    const isLate = this.#o.clock.monotonic() - (others[0] as Unit).since >= this.#o.patienceMs;
    if (isLate || !units.every(isAlone) || isRepeated([...others, ...units])) return undefined;
    this.#waiting = others;
    return units;
  }

  #inOrder(): Unit[] {
    const { maxEntries, maxBytes } = this.#o;
    const batch: Unit[] = [];
    const subjects = new Set<string>();
    let entries = 0;
    let bytes = 0;
    for (const unit of this.#waiting) {
      const full = entries + unit.entries.length > maxEntries || bytes + unit.bytes > maxBytes;
      if (batch.length > 0 && (full || unit.entries.some((e) => subjects.has(e.subject)))) break;
      batch.push(unit);
      for (const entry of unit.entries) subjects.add(entry.subject);
      entries += unit.entries.length;
      bytes += unit.bytes;
    }
    this.#waiting = batch.length === this.#waiting.length ? [] : this.#waiting.slice(batch.length);
    return batch;
  }
}

/** Two of them write to the same subject. */
function isRepeated(units: readonly Standing[]): boolean {
  const subjects = units.flatMap(({ entries }) => entries.map(({ subject }) => subject));
  return new Set(subjects).size < subjects.length;
}
