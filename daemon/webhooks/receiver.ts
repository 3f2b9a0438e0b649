/**
 * How the receiver of one webhook does, told by its answers.
 *
 * In:     verdicts, each with the time at which its call began; what was remembered of it.
 * Out:    its condition; how many calls it bears at once, and how long it is left alone (`pace.ts`). A change is said to people.
 * Ends:   410 is for ever: as long as the hook is what it was then (`fingerprint`).
 */
import { createHash } from "node:crypto";
import type { HookEntry } from "../directory/hooks.ts";
import type { Chance, Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Verdict } from "./answer.ts";
import { atOnce, patience, pauseAfter } from "./pace.ts";
import type { Condition } from "./store.ts";

export interface ReceiverMeans {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** The hook, as people know it. */
  readonly name: string;
  /** The condition is another now. */
  readonly say: (condition: Condition) => void;
}

const noSecret = "it has no secret to sign with: its Secret is missing, or holds none that can be used";

export class Receiver {
  readonly #m: ReceiverMeans;
  #condition: Condition;
  /** In a row. */
  #failures = 0;
  /** Monotonic, as the next: what only we wait for follows no clock that is set. */
  #failedAt = Number.NEGATIVE_INFINITY;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(remembered: Condition | undefined, means: ReceiverMeans) {
    this.#m = means;
    this.#condition = remembered ?? { is: "well", at: means.clock.now() };
  }

  get condition(): Condition {
    return this.#condition;
  }

  get isGone(): boolean {
    return this.#condition.is === "gone";
  }

  /** Calls at once. */
  get bears(): number {
    return atOnce(this.#failures);
  }

  /** ms for which it is still left alone; none: 0 or less. */
  get pauseMs(): number {
    return this.#pausedUntil - this.#m.clock.monotonic();
  }

  /** Without keys nothing is signed, and nothing sent: whoever looks must not find such a hook well. */
  signs(hasKeys: boolean): void {
    const at = this.#m.clock.now();
    const lacks = this.#condition.is === "failing" && this.#condition.why === noSecret;
    if (hasKeys && lacks) this.#become({ is: "well", at });
    if (!hasKeys && !lacks && !this.isGone) this.#become({ is: "failing", at, why: noSecret });
  }

  /** Somebody says that it was mended: it is left alone no longer. */
  tryNow(): void {
    this.#pausedUntil = Number.NEGATIVE_INFINITY;
  }

  /** It was ended by a 410, and the hook is another now. */
  revive(): void {
    this.#become({ is: "well", at: this.#m.clock.now() });
  }

  /** What an answer says of it. `began`: monotonic. */
  judge(verdict: Verdict, began: number, entry: HookEntry): void {
    switch (verdict.kind) {
      case "taken":
        return this.#took();
      case "failed":
        return this.#failed(verdict, began);
      case "gone":
        return this.#left(entry);
    }
  }

  #took(): void {
    const { clock, log, name } = this.#m;
    this.#failures = 0;
    this.#pausedUntil = Number.NEGATIVE_INFINITY;
    this.#failedAt = Number.NEGATIVE_INFINITY;
    if (this.#condition.is !== "failing") return;
    log.info({ hook: name }, "a webhook's receiver takes events again");
    this.#become({ is: "well", at: clock.now() });
  }

  #failed({ why, waitMs }: Extract<Verdict, { kind: "failed" }>, began: number): void {
    const { clock, chance, log, name } = this.#m;
    const now = clock.monotonic();
    // Those that were under way together fail together: that is one failure.
    if (began < this.#failedAt) {
      this.#pausedUntil = Math.max(this.#pausedUntil, now + waitMs);
      return;
    }
    this.#failures++;
    this.#failedAt = now;
    this.#pausedUntil = now + pauseAfter(this.#failures, chance(), waitMs);
    if (this.#failures < patience || this.#condition.is !== "well") return;
    log.warn({ hook: name, why }, "a webhook's receiver fails: its events wait");
    this.#become({ is: "failing", at: clock.now(), why });
  }

  #left(entry: HookEntry): void {
    const { clock, log, name } = this.#m;
    if (this.isGone) return;
    log.warn({ hook: name }, "a webhook's receiver said 410: it gets nothing more until the hook is changed");
    this.#become({ is: "gone", at: clock.now(), as: fingerprint(entry) });
  }

  #become(condition: Condition): void {
    this.#condition = condition;
    this.#m.say(condition);
  }
}

/** Tells whether a hook is another than the one that said 410. Keys are no part of it: nothing of them is stored. */
export const fingerprint = ({ url, kinds, giveUpAfterMs }: HookEntry): string =>
  createHash("sha256")
    .update(JSON.stringify([url, [...kinds].sort(), giveUpAfterMs]))
    .digest("base64url")
    .slice(0, 22);
