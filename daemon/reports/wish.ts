/**
 * Asks a domain's DNS whether, and where, it wants a report: within a time, so that nobody who is reported to keeps the
 * others waiting.
 *
 * Fails:  with the signal's reason, and with faults of ours.
 */
import type { Clock } from "../kit/clock.ts";
import type { Maker, Wish } from "./maker.ts";

const patienceMs = 20_000;

export async function wishOf(
  maker: Pick<Maker, "wish">,
  domain: string,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<Wish> {
  const stop = new AbortController();
  const why = "its DNS takes too long";
  const late = clock.sleep(patienceMs, stop.signal).then(
    () => stop.abort(new Error(why)),
    () => {},
  );
  try {
    return await maker.wish(domain, AbortSignal.any([signal, stop.signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (!stop.signal.aborted) throw error;
    return { kind: "unknown", why, known: [] };
  } finally {
    stop.abort();
    await late;
  }
}
