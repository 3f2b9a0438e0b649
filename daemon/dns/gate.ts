/**
 * Lets at most `width` pass at a time; the others wait in order of arrival.
 *
 * Fails:  `enter` rejects with the signal's reason while it waits.
 */
import { onAbort } from "../kit/on-abort.ts";

export class Gate {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(width: number) {
    this.#free = width;
  }

  /** Whoever has entered leaves by disposing of what it was given, once. */
  async enter(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    return { [Symbol.dispose]: () => this.#leave() };
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        forget();
        resolve();
      };
      this.#waiting.add(go);
      const forget = onAbort(signal, () => {
        this.#waiting.delete(go);
        reject(signal.reason);
      });
    });
  }

  /** The place goes straight to the next in line. */
  #leave(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      next();
      return;
    }
    this.#free++;
  }
}
