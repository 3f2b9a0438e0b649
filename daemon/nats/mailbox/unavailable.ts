/**
 * Faults of NATS in the words of the mailbox port, and waits that a signal ends.
 */
import { StoreUnavailable } from "../../mailbox/store.ts";
import { Conflict, StoreFault } from "../fault.ts";

/** Faults of NATS become the port's own error; anything else (an abort, a bug) stays what it is. */
export const unavailable = (error: unknown): unknown =>
  error instanceof StoreFault || error instanceof Conflict
    ? new StoreUnavailable(error.message, { cause: error })
    : error;

export async function orUnavailable<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw unavailable(error);
  }
}

/** The promise, unless the signal comes first; what the promise stands for goes on. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
