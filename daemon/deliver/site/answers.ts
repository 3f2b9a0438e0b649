/**
 * What a site answered lately, for people: how many recipients it took, what its other answers were about, and the last of them.
 *
 * Bounded: counts by class in `SLOTS` spans of time, the oldest forgotten; one answer, cut.
 */
import type { BounceClass } from "../../mail/bounce/classes.ts";
import { bounceOf } from "../../mail/bounce/classify.ts";
import type { Outcome } from "../../mail/outcome.ts";
import { oneLine } from "../../mail/text.ts";

const SLOT_MS = 10 * 60_000;
const SLOTS = 6;
const SHOWN = 300;

export type AnswerClass = "delivered" | BounceClass;

/** Of the last hour, give or take ten minutes. */
export interface RecentAnswers {
  readonly counts: Readonly<Partial<Record<AnswerClass, number>>>;
  /** The last that was no delivery: `451 4.7.1 Later`. */
  readonly last?: { readonly at: number; readonly reply: string };
}

export class Answers {
  /** By the number of the slot. */
  readonly #slots = new Map<number, Map<AnswerClass, number>>();
  #last: RecentAnswers["last"];

  count(outcome: Outcome, now: number): void {
    const slot = Math.floor(now / SLOT_MS);
    let counts = this.#slots.get(slot);
    if (counts === undefined) {
      counts = new Map();
      this.#slots.set(slot, counts);
      this.#forget(slot);
    }
    const about = bounceOf(outcome) ?? "delivered";
    counts.set(about, (counts.get(about) ?? 0) + 1);
    if (outcome.kind === "delivered") return;
    const { code, enhanced, text } = outcome.reply;
    this.#last = { at: now, reply: oneLine(`${code} ${enhanced} ${text}`, SHOWN) };
  }

  /** `undefined`: it was asked nothing. */
  recent(now: number): RecentAnswers | undefined {
    this.#forget(Math.floor(now / SLOT_MS));
    if (this.#slots.size === 0) return undefined;
    const counts: Partial<Record<AnswerClass, number>> = {};
    for (const slot of this.#slots.values())
      for (const [about, count] of slot) counts[about] = (counts[about] ?? 0) + count;
    return { counts, ...(this.#last && now - this.#last.at < SLOTS * SLOT_MS ? { last: this.#last } : {}) };
  }

  #forget(current: number): void {
    for (const slot of this.#slots.keys()) if (slot <= current - SLOTS) this.#slots.delete(slot);
  }
}
