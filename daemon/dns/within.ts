/**
 * Time limits and abandonment for promises.
 *
 * `within`: the work gets a signal that aborts when the time is over or the caller gives up.
 * `abandonable`: the caller stops waiting when its signal aborts; the work goes on for others.
 */
import type { Clock } from "../kit/clock.ts";
import { onAbort } from "../kit/on-abort.ts";

export const late = Symbol("late");
/** Nobody hears of it: a reason that is made once costs nothing each time. */
const over = new Error("the work is over");

export async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<Awaited<T> | typeof late> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const giveUp = () => stop.abort(signal.reason);
  const forget = onAbort(signal, giveUp);
  try {
    const timer = clock.sleep(ms, stop.signal).then((): typeof late => late);
    return await Promise.race([work(stop.signal), timer]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    forget();
    stop.abort(over);
  }
}

export async function abandonable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const left = Promise.withResolvers<never>();
  const leave = () => left.reject(signal.reason);
  const forget = onAbort(signal, leave);
  try {
    return await Promise.race([work, left.promise]);
  } finally {
    forget();
  }
}
