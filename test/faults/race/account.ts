/**
 * What clients of a race were told, and whether it can all be true of the mailbox as it is in the end: pure.
 *
 * Each message bears a name; copies of it bear the same. A place is a folder and a UID. Attempts whose end nobody heard
 * may have happened or not. A keyword at a place is set and taken away by one client only, so the last it was told holds.
 */

export type Place = string;
export const place = (folder: string, uid: number): Place => `${folder} ${uid}`;

/** A message as one replica shows it in the end. */
export interface Shown {
  readonly folder: string;
  readonly uid: number;
  readonly name: string;
  /** Sorted. */
  readonly flags: string;
  readonly modseq: number;
}

interface Keyword {
  readonly at: Place;
  readonly keyword: string;
  /** As the client was told; `undefined`: it does not know. */
  readonly set: boolean | undefined;
}

interface Count {
  /** Known to have come: appended, delivered, copied. */
  made: number;
  /** Attempts that may have made one more. */
  perhaps: number;
}

export class Account {
  readonly #names = new Map<Place, string>();
  readonly #counts = new Map<string, Count>();
  readonly #made = new Set<Place>();
  readonly #leaving = new Set<Place>();
  readonly #left = new Set<Place>();
  readonly #expunging = new Set<Place>();
  readonly #expunged = new Set<Place>();
  readonly #moving = new Set<Place>();
  readonly #keywords = new Map<string, Keyword>();
  readonly faults: string[] = [];

  /** Before the command is sent: until its end is known, the keyword is there or not. */
  marking(at: Place, keyword: string): void {
    this.#keywords.set(`${at} ${keyword}`, { at, keyword, set: undefined });
  }

  marked(at: Place, keyword: string, set: boolean): void {
    this.#keywords.set(`${at} ${keyword}`, { at, keyword, set });
  }

  /** Somebody saw this message there; a UID names one message for ever. RFC 9051 §2.3.1.1 */
  saw(at: Place, name: string): void {
    const known = this.#names.get(at);
    if (known !== undefined && known !== name) this.faults.push(`${at} was ${known} and is ${name}`);
    this.#names.set(at, name);
  }

  nameOf(at: Place): string | undefined {
    return this.#names.get(at);
  }

  /** Made by APPEND or delivery; where, when that was told. */
  appended(name: string, at?: Place): void {
    this.#count(name).made++;
    if (at !== undefined) this.#note(at, name);
  }

  perhapsMade(name: string): void {
    this.#count(name).perhaps++;
  }

  copied(from: Place, to: Place): void {
    const name = this.#names.get(from) ?? "";
    this.#count(name).made++;
    this.#note(to, name);
  }

  /** Before the command is sent: from now on the message may leave its place. */
  expunging(at: Place): void {
    this.#leaving.add(at);
    this.#expunging.add(at);
  }

  expunged(at: Place): void {
    this.#left.add(at);
    this.#expunged.add(at);
  }

  moving(at: Place): void {
    this.#leaving.add(at);
    this.#moving.add(at);
  }

  moved(from: Place, to: Place): void {
    this.#left.add(from);
    this.#note(to, this.#names.get(from) ?? "");
  }

  #note(at: Place, name: string): void {
    if (this.#made.has(at)) this.faults.push(`${at} was given to two messages`);
    this.#made.add(at);
    this.saw(at, name);
  }

  #count(name: string): Count {
    let count = this.#counts.get(name);
    if (!count) {
      count = { made: 0, perhaps: 0 };
      this.#counts.set(name, count);
    }
    return count;
  }

  get acknowledged(): number {
    return [...this.#counts.values()].reduce((sum, { made }) => sum + made, 0);
  }

  /** Everything that cannot be true together. */
  check(shown: readonly Shown[]): string[] {
    const faults = [...this.faults];
    const there = new Map<Place, string>();
    const counts = new Map<string, number>();
    for (const { folder, uid, name } of shown) {
      const at = place(folder, uid);
      if (there.has(at)) faults.push(`${at} is shown twice`);
      there.set(at, name);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      const known = this.#names.get(at);
      if (known !== undefined && known !== name) faults.push(`${at} was ${known} and is ${name}`);
    }
    for (const at of this.#made)
      if (!this.#leaving.has(at) && !there.has(at)) faults.push(`lost: ${at} (${this.#names.get(at)})`);
    for (const at of this.#left) if (there.has(at)) faults.push(`still there: ${at} (${there.get(at)})`);
    faults.push(...this.#checkCounts(counts), ...this.#checkKeywords(shown));
    return faults;
  }

  #checkKeywords(shown: readonly Shown[]): string[] {
    const flags = new Map(
      shown.map(({ folder, uid, flags: text }) => [place(folder, uid), text.toLowerCase().split(" ")]),
    );
    return [...this.#keywords.values()].flatMap(({ at, keyword, set }) => {
      const there = flags.get(at);
      if (there === undefined || set === undefined) return [];
      if (there.includes(keyword.toLowerCase()) === set) return [];
      return [`${at} ${set ? "has lost" : "has again"} its keyword ${keyword}`];
    });
  }

  /** A move changes no number, whether its end was heard of or not. */
  #checkCounts(counts: ReadonlyMap<string, number>): string[] {
    const faults: string[] = [];
    const least = new Map<string, number>();
    const most = new Map<string, number>();
    for (const at of this.#expunging) add(least, this.#names.get(at) ?? "", 1);
    for (const at of this.#expunged) if (!this.#moving.has(at)) add(most, this.#names.get(at) ?? "", 1);
    for (const [name, { made, perhaps }] of this.#counts) {
      const found = counts.get(name) ?? 0;
      const from = made - (least.get(name) ?? 0);
      const to = made + perhaps - (most.get(name) ?? 0);
      if (found < from) faults.push(`lost: ${name}, ${found} there, ${from} at least must be`);
      if (found > to) faults.push(`doubled: ${name}, ${found} there, ${to} at most can be`);
    }
    for (const name of counts.keys()) if (!this.#counts.has(name)) faults.push(`${name} was made by nobody`);
    return faults;
  }
}

function add(counts: Map<string, number>, name: string, more: number): void {
  counts.set(name, (counts.get(name) ?? 0) + more);
}

/** What two replicas show differently. */
export function differences(one: readonly Shown[], other: readonly Shown[]): string[] {
  const text = ({ folder, uid, name, flags, modseq }: Shown) =>
    `${folder} ${uid} ${name} (${flags}) ${modseq}`;
  const [left, right] = [new Set(one.map(text)), new Set(other.map(text))];
  return [
    ...[...left].filter((line) => !right.has(line)).map((line) => `only the first shows ${line}`),
    ...[...right].filter((line) => !left.has(line)).map((line) => `only the second shows ${line}`),
  ];
}
