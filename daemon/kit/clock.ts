/**
 * Time and chance as arguments: no module reads the wall clock or draws a random number by itself.
 *
 * `now` is the wall clock in milliseconds since the epoch (it may jump; used for what is written down).
 * `monotonic` is milliseconds since an arbitrary start (it never jumps; used for time-outs and leases).
 * `sleep` resolves after `ms`, or rejects with the signal's reason.
 */
import { setTimeout as delay } from "node:timers/promises";

export interface Clock {
  now(): number;
  monotonic(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A number in [0, 1). */
export type Chance = () => number;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
};
