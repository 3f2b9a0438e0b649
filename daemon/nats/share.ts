/**
 * What one namespace takes of a stream that it shares with others: a bounded number of octets.
 *
 * In:     every record that is heard or written, by subject, in any order; of two the later sequence counts.
 * Out:    whether another fits, or which of the oldest must go for it.
 */
interface Taken {
  readonly octets: number;
  readonly sequence: number;
}

/** What a record takes besides its content: subject, header, the server's index. */
const besides = 256;

export class Share {
  readonly #max: number;
  /** The oldest first. */
  readonly #taken = new Map<string, Taken>();
  #sum = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** `length` 0: it is gone. */
  note(subject: string, length: number, sequence: number): void {
    const before = this.#taken.get(subject);
    if (before !== undefined && sequence < before.sequence) return;
    this.#taken.delete(subject);
    this.#sum -= before?.octets ?? 0;
    if (length === 0) return;
    const octets = length + besides;
    this.#taken.set(subject, { octets, sequence });
    this.#sum += octets;
  }

  has(subject: string): boolean {
    return this.#taken.has(subject);
  }

  /** What is there may be replaced. */
  fits(subject: string, length: number): boolean {
    return this.has(subject) || this.#sum + length + besides <= this.#max;
  }

  /** Those that must go so that this one fits, the oldest first. */
  tooMany(subject: string, length: number): readonly string[] {
    const out: string[] = [];
    let sum = this.#sum + length + besides - (this.#taken.get(subject)?.octets ?? 0);
    for (const [each, { octets }] of this.#taken) {
      if (sum <= this.#max) break;
      if (each === subject) continue;
      out.push(each);
      sum -= octets;
    }
    return out;
  }

  under(prefix: string): readonly string[] {
    return [...this.#taken.keys()].filter((subject) => subject.startsWith(prefix));
  }
}
