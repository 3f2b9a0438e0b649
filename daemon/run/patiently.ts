/**
 * A step of the start that is tried again until it works, because somebody else may not be there yet, or be very busy.
 *
 * In:     the step; a sentence for the log, said once for each reason.
 * Fails:  with the signal's reason; with the step's own error where that is hopeless.
 */
import { systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { isRefusal } from "../nats/fault.ts";

const LONGEST_PAUSE_MS = 5_000;
/** No machine is that busy: then something else is wrong, and who starts a daemon at a terminal wants to read what. */
const OWN_SERVER_MS = 180_000;

/** Whether a step that failed now, so many ms after it was begun, is not worth another try. */
export type Hopeless = (error: unknown, ms: number) => boolean;

/** Of a nats-server that is our own child: what it refuses it will refuse again; a machine may keep it busy for a while. */
export const ownServer: Hopeless = (error, ms) =>
  ms > OWN_SERVER_MS || isRefusal(error) || (error instanceof Error && isRefusal(error.cause));

export async function patiently<T>(
  step: () => Promise<T>,
  sentence: string,
  log: Log,
  signal: AbortSignal,
  hopeless: Hopeless = () => false,
): Promise<T> {
  const began = systemClock.monotonic();
  let said = "";
  for (let pause = 250; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await step();
    } catch (error) {
      signal.throwIfAborted();
      if (hopeless(error, systemClock.monotonic() - began)) throw error;
      const { message } = error as Error;
      if (message !== said) log.warn({ why: message }, sentence);
      said = message;
      await systemClock.sleep(pause, signal);
    }
  }
}
