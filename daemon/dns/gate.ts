/**
 * Lets a bounded number of look-ups work at once, so that those that nobody answers hold up no others.
 *
 * A look-up begins among the quick ones, in order of arrival. What has no answer when their patience ends goes on among the
 * slow ones, if there is room; if there is none it is broken off, and begins anew when its turn has come there. So the next
 * quick ones begin within that patience, however many hang. What is known to hang stands among the slow ones from the start.
 *
 * In:     the work, which ends when the signal that it is given says so.
 * Out:    what the work gives.
 * Fails:  as the work does, or with the reason of a signal.
 * Memory: who waits has a place in a line, and leaves it when its signal says so.
 */
import type { Clock } from "../kit/clock.ts";
import { onAbort } from "../kit/on-abort.ts";
import { Slots } from "../kit/slots.ts";

export interface GateOptions {
  readonly quick: number;
  readonly slow: number;
  readonly patienceMs: number;
  readonly clock: Pick<Clock, "sleep">;
}

export interface Passing {
  /** Ends waiting and work. */
  readonly signal: AbortSignal;
  /** Ends waiting only: nobody asks any more. */
  readonly line: AbortSignal;
  /** It hung the last time. */
  readonly isSlow: boolean;
}

type Work<T> = (signal: AbortSignal) => Promise<T>;

const hangs = Symbol("hangs");
/** Nobody hears of it: a reason that is made once costs nothing each time. */
const over = new Error("the moment is over");

export class Gate {
  readonly #quick: Slots;
  readonly #slow: Slots;
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#quick = new Slots(options.quick);
    this.#slow = new Slots(options.slow);
  }

  async pass<T>(work: Work<T>, passing: Passing): Promise<T> {
    const done = passing.isSlow ? hangs : await this.#briefly(work, passing);
    if (done !== hangs) return done;
    await turn(this.#slow, passing);
    try {
      return await work(passing.signal);
    } finally {
      this.#slow.give();
    }
  }

  async #briefly<T>(work: Work<T>, passing: Passing): Promise<T | typeof hangs> {
    await turn(this.#quick, passing);
    let place = this.#quick;
    const stop = new AbortController();
    const forget = onAbort(passing.signal, () => stop.abort(passing.signal.reason));
    try {
      const working = work(stop.signal);
      const first = await this.#patiently(working);
      if (first !== hangs) return first;
      if (this.#slow.tryTake()) {
        this.#quick.give();
        place = this.#slow;
        return await working;
      }
      stop.abort(over);
      return await working.catch(() => hangs);
    } finally {
      forget();
      place.give();
    }
  }

  async #patiently<T>(working: Promise<T>): Promise<T | typeof hangs> {
    const { clock, patienceMs } = this.#options;
    const answered = new AbortController();
    const patience = clock.sleep(patienceMs, answered.signal).then((): typeof hangs => hangs);
    try {
      return await Promise.race([working, patience]);
    } finally {
      answered.abort(over);
    }
  }
}

async function turn(slots: Slots, { signal, line }: Passing): Promise<void> {
  signal.throwIfAborted();
  line.throwIfAborted();
  if (slots.tryTake()) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const withdraw = slots.queue(resolve);
  const leaveAt = (ended: AbortSignal) => onAbort(ended, () => withdraw() && reject(ended.reason));
  const forget = [leaveAt(signal), leaveAt(line)];
  try {
    await promise;
  } finally {
    for (const each of forget) each();
  }
}
