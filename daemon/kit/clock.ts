/**
 * Time and chance as arguments: no module reads the wall clock or draws a random number by itself.
 *
 * `now` is the wall clock in milliseconds since the epoch (it may jump; used for what is written down).
 * `monotonic` is milliseconds since an arbitrary start (it never jumps; used for time-outs and leases).
 * `sleep` resolves after `ms`, or rejects with the signal's reason.
 */
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
  // By hand: node:timers/promises makes an error with a stack for each sleep that is cut short, and most are.
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal?.addEventListener("abort", stop, { once: true });
    }),
};
