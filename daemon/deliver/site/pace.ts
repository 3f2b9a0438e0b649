/**
 * The rate of messages to one site: never more than `perMinute` in any minute, spread evenly, with as much slack as
 * passes in a second, so that timers that fire late cost no throughput.
 *
 * One number is kept: when the slate is clean again (the generic cell rate algorithm). Times in ms.
 */
export class Pace {
  #clean = Number.NEGATIVE_INFINITY;

  /** How long until one more may go, whole ms; 0: now. */
  wait(perMinute: number, now: number): number {
    const slack = slackOf(perMinute);
    const wait = this.#clean - now - (slack - 1) * spacing(perMinute, slack);
    return wait < rounding ? 0 : Math.ceil(wait);
  }

  /** One more goes. When it was not its time, those that follow wait the longer. */
  count(perMinute: number, now: number): void {
    this.#clean = Math.max(this.#clean, now) + spacing(perMinute, slackOf(perMinute));
  }

  isClean(now: number): boolean {
    return this.#clean <= now;
  }
}

const MINUTE = 60_000;
/** Less than this is no time, but what sums of fractions leave behind, ms. */
const rounding = 0.001;

const slackOf = (perMinute: number): number => Math.max(1, Math.ceil(perMinute / 60));

/** A little wider than even: `slack` at once and the rest of a minute's messages fit into it exactly. */
const spacing = (perMinute: number, slack: number): number => MINUTE / (perMinute - slack + 1);
