/**
 * The mail that is sent while things break: mostly small and to one recipient elsewhere; and always some that are large,
 * filed here, sent to many destinations at once, refused for good, or deferred first.
 */
import type { Dice } from "./chance.ts";
import type { Expected } from "./ledger.ts";

export const home = "home.test";
export const senderMailbox = `sender@${home}`;
export const mailboxes = ["box0", "box1", "box2", "box3"].map((name) => `${name}@${home}`);
export const destinations = [
  "one.test",
  "two.test",
  "three.test",
  "four.test",
  "five.test",
  "six.test",
] as const;

export interface Draft {
  readonly id: string;
  readonly expected: readonly Expected[];
  readonly octets: number;
}

const SMALL = 2_000;
/** Beyond what travels in a job's record, so that it is stored in chunks. */
const LARGE = 300_000;

export class Mix {
  readonly #dice: Dice;
  readonly #run: string;
  readonly #destinations: readonly [string, ...string[]];
  #serial = 0;

  constructor(dice: Dice, run: string, where: readonly [string, ...string[]] = destinations) {
    this.#dice = dice;
    this.#run = run;
    this.#destinations = where;
  }

  next(): Draft {
    const id = `${this.#run}-${this.#serial++}`;
    const chance = this.#dice.next();
    if (chance < 0.5) return { id, octets: SMALL, expected: [this.#remote(id, 0)] };
    if (chance < 0.68) return { id, octets: SMALL, expected: [this.#filed()] };
    if (chance < 0.88) return { id, octets: SMALL, expected: this.#many(id) };
    if (chance < 0.93) return { id, octets: LARGE, expected: this.#many(id) };
    if (chance < 0.96) return { id, octets: LARGE, expected: [this.#remote(id, 0)] };
    const bounced = { address: `bad-${id}@${this.#destination()}`, fate: "bounce" } as const;
    return { id, octets: SMALL, expected: [bounced, this.#remote(id, 1)] };
  }

  /** Two mailboxes, and recipients at several destinations, two of them at the same one. */
  #many(id: string): Expected[] {
    const first = this.#dice.whole(0, mailboxes.length - 1);
    const filed = [0, 1].map((n) => mailboxes[(first + n) % mailboxes.length] ?? "");
    const same = this.#destination();
    return [
      ...filed.map((address): Expected => ({ address, fate: "mailbox" })),
      { address: `ok-${id}-a@${same}`, fate: "sink" },
      { address: `ok-${id}-b@${same}`, fate: "sink" },
      this.#remote(id, 2),
      this.#remote(id, 3),
    ];
  }

  #filed(): Expected {
    return { address: this.#dice.pick(mailboxes as [string, ...string[]]), fate: "mailbox" };
  }

  #remote(id: string, n: number): Expected {
    const kind = this.#dice.happens(0.1) ? "late" : "ok";
    return { address: `${kind}-${id}-${n}@${this.#destination()}`, fate: "sink" };
  }

  #destination(): string {
    return this.#dice.pick(this.#destinations);
  }
}
