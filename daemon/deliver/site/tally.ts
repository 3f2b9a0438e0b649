/**
 * How many there were in the last minute, near enough: this minute's, and of those of the one before the share that a
 * window of a minute still covers. Two numbers are kept, however many there are.
 */
const minute = 60_000;

export class Tally {
  #start = Number.NEGATIVE_INFINITY;
  #here = 0;
  #before = 0;

  count(now: number): void {
    this.#turn(now);
    this.#here++;
  }

  lastMinute(now: number): number {
    this.#turn(now);
    return this.#here + this.#before * (1 - (now - this.#start) / minute);
  }

  #turn(now: number): void {
    const passed = now - this.#start;
    if (passed >= 0 && passed < minute) return;
    this.#before = passed >= minute && passed < 2 * minute ? this.#here : 0;
    this.#here = 0;
    this.#start = passed >= minute && passed < 2 * minute ? this.#start + minute : now;
  }
}
