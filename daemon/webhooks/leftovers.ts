/**
 * What the receiver of one webhook did not take: events that wait for another attempt, and the dead.
 *
 * In:     what was remembered of them, and the book.
 * Out:    each change is written before it counts; what finds no room in the book waits here alone.
 * Fails:  never on the store: it is written again until it is, and the caller waits with it. Rejects with `Usurped` when another
 *         daemon has taken over, and with the signal's reason.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { type Dead, type HookBook, type Remembered, Usurped, type Waiting } from "./store.ts";

export interface LeftoversMeans {
  readonly book: HookBook;
  readonly clock: Clock;
  readonly log: Log;
  /** The hook, as the book and as people know it. */
  readonly id: string;
  readonly name: string;
  readonly signal: AbortSignal;
}

const DEAD = 1_000;
const storePauseMs = 1_000;

export class Leftovers {
  readonly #m: LeftoversMeans;
  readonly #waiting: Map<string, Waiting>;
  readonly #dead: string[];

  constructor(remembered: Remembered | undefined, means: LeftoversMeans) {
    this.#m = means;
    this.#waiting = new Map(remembered?.waiting);
    this.#dead = [...(remembered?.dead ?? [])];
  }

  /** Ids, the oldest first. */
  get dead(): readonly string[] {
    return this.#dead;
  }

  get waiting(): ReadonlyMap<string, Waiting> {
    return this.#waiting;
  }

  /** Somebody wants it sent again; the book has it already. */
  recall(waiting: Waiting): void {
    this.#waiting.set(waiting.event.id, waiting);
  }

  /** `false`: the book has no room for it. */
  async keep(waiting: Waiting): Promise<boolean> {
    const isWritten = await this.#write((book) => book.putWaiting(this.#m.id, waiting));
    this.#waiting.set(waiting.event.id, waiting);
    return isWritten;
  }

  /** It was taken after all. */
  async taken(waiting: Waiting): Promise<void> {
    const { id } = waiting.event;
    await this.#write((book) => book.removeWaiting(this.#m.id, id));
    if (this.#waiting.get(id) === waiting) this.#waiting.delete(id); // unless somebody recalled it meanwhile
  }

  /** Moves it among the dead, as the youngest; resolves to how many of the dead went for lack of room. */
  async bury(dead: Dead): Promise<number> {
    const { id } = dead.event;
    const before = this.#dead.indexOf(id); // it was sent again, and is dead again
    if (before >= 0) this.#dead.splice(before, 1);
    this.#dead.push(id);
    const tooMany = this.#dead.splice(0, Math.max(0, this.#dead.length - DEAD));
    const lost = await this.#write((book) => book.bury(this.#m.id, dead, tooMany));
    this.#waiting.delete(id);
    return lost;
  }

  /** Until it is written, or another daemon has taken over, or we stop. */
  async #write<T>(write: (book: HookBook) => Promise<T>): Promise<T> {
    const { book, clock, log, name, signal } = this.#m;
    for (let told = false; ; told = true) {
      try {
        return await write(book);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Usurped) throw error;
        if (!told)
          log.warn({ err: error, hook: name }, "what became of a webhook's event cannot be written yet");
        await clock.sleep(storePauseMs, signal);
      }
    }
  }
}
