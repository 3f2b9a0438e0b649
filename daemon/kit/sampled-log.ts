/**
 * A log for what may come in floods: of each kind some lines in a span of time, and how many were left out, told with the next
 * line that is not, or when the span is over. So a flood costs a bounded number of lines, and nobody takes it for a trickle.
 *
 * In:     kinds from a set that the program knows.
 * Ends:   what was left out until then is told.
 */
import type { Clock } from "./clock.ts";
import type { Fields, Log } from "./log.ts";
import { Sampler } from "./sampler.ts";

export interface SampledLogOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** Lines of one kind in a span. */
  readonly most?: number;
  readonly spanMs?: number;
}

const usualMost = 50;
const usualSpanMs = 10_000;

export class SampledLog implements Disposable {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #spanMs: number;
  readonly #sampler: Sampler;
  /** Kinds of which something was left out and not told yet, with their sentences. */
  readonly #left = new Map<string, string>();
  readonly #stop = new AbortController();

  constructor({ log, clock, most = usualMost, spanMs = usualSpanMs }: SampledLogOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#spanMs = spanMs;
    this.#sampler = new Sampler(most, spanMs);
  }

  info(kind: string, fields: () => Fields, sentence: string): void {
    const untold = this.#sampler.tell(kind, this.#clock.monotonic());
    if (untold === undefined) return this.#leave(kind, sentence);
    this.#log.info(untold === 0 ? fields() : { ...fields(), untold }, sentence);
  }

  #leave(kind: string, sentence: string): void {
    if (this.#left.has(kind) || this.#stop.signal.aborted) return;
    this.#left.set(kind, sentence);
    this.#clock.sleep(this.#spanMs, this.#stop.signal).then(
      () => this.#tellLeft(kind),
      () => {},
    );
  }

  #tellLeft(kind: string): void {
    const of = this.#left.get(kind);
    this.#left.delete(kind);
    const untold = this.#sampler.take(kind);
    if (untold > 0) this.#log.info({ of, kind, untold }, "lines were left out");
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    for (const kind of this.#left.keys()) this.#tellLeft(kind);
  }
}
