/**
 * Memory for messages while they arrive.
 *
 * Every message takes a place, which stands for the octets of a small one. A message that grows beyond that also takes
 * one of the fewer large places, and waits for it if need be: its client feels back-pressure. Whoever holds a large
 * place needs nothing more to come to its end, so waiting cannot become a deadlock; it is bounded in time all the same.
 */
import type { Clock } from "../kit/clock.ts";
import { Deadlines } from "../kit/deadlines.ts";
import { Slots } from "../kit/slots.ts";
import type { MailroomLimits } from "./limits.ts";

export class Arrivals implements Disposable {
  readonly #places: Slots;
  readonly #large: Slots;
  readonly #turns: Deadlines;
  readonly largeOctets: number;

  constructor({ arriving, arrivingLarge, largeOctets, turnMs }: MailroomLimits, clock: Clock) {
    this.#places = new Slots(arriving);
    this.#large = new Slots(arrivingLarge);
    this.#turns = new Deadlines(turnMs, clock);
    this.largeOctets = largeOctets;
  }

  /** `undefined`: as many messages are arriving as fit. */
  enter(): Place | undefined {
    return this.#places.tryTake() ? new Place(this.#places, this.#large, this.#turns) : undefined;
  }

  [Symbol.dispose](): void {
    this.#turns[Symbol.dispose]();
  }
}

export class Place {
  readonly #places: Slots;
  readonly #large: Slots;
  readonly #turns: Deadlines;
  #holdsLarge = false;
  #left = false;
  #giveUp: (() => void) | undefined;

  constructor(places: Slots, large: Slots, turns: Deadlines) {
    this.#places = places;
    this.#large = large;
    this.#turns = turns;
  }

  /** Room for a large message: at once, or a promise of whether its turn came in time. */
  grow(): true | Promise<boolean> {
    if (this.#holdsLarge || this.#large.tryTake()) {
      this.#holdsLarge = true;
      return true;
    }
    return new Promise((resolve) => {
      const quit = this.#large.queue(() => {
        this.#turns.leave(entry);
        this.#giveUp = undefined;
        this.#holdsLarge = true;
        resolve(true);
      });
      const entry = this.#turns.enter(() => this.#giveUp?.());
      this.#giveUp = () => {
        this.#turns.leave(entry);
        this.#giveUp = undefined;
        quit();
        resolve(false);
      };
    });
  }

  /** Gives everything back; safe to call again. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#giveUp?.();
    if (this.#holdsLarge) this.#large.give();
    this.#places.give();
  }
}
