/**
 * Says what of many equal things is worth telling: the first few of each kind in a span of time, and how many were left
 * out when the next one is told.
 *
 * In:     kinds from a set that the program knows (they are kept for ever), the time.
 * Out:    `undefined`: leave it out; else how many were left out before.
 */
export class Sampler {
  readonly #most: number;
  readonly #spanMs: number;
  readonly #kinds = new Map<string, { since: number; told: number; left: number }>();

  constructor(most: number, spanMs: number) {
    this.#most = most;
    this.#spanMs = spanMs;
  }

  /** `now`: of a clock that never jumps. */
  tell(kind: string, now: number): number | undefined {
    let span = this.#kinds.get(kind);
    if (!span || now - span.since >= this.#spanMs) {
      span = { since: now, told: 0, left: span?.left ?? 0 };
      this.#kinds.set(kind, span);
    }
    if (span.told >= this.#most) {
      span.left++;
      return undefined;
    }
    span.told++;
    return this.take(kind);
  }

  /** How many were left out and not told yet; from now on they are told. */
  take(kind: string): number {
    const span = this.#kinds.get(kind);
    if (span === undefined) return 0;
    const { left } = span;
    span.left = 0;
    return left;
  }
}
