/**
 * Waits for something that nobody announces: a record in a store, a file, a port that opens.
 *
 * In:     a question that answers with `undefined` while it is not so.
 * Out:    its first other answer.
 * Fails:  after a generous limit, with what was waited for; a question's own error passes at once.
 */
import { setTimeout as delay } from "node:timers/promises";

/** Only for what never comes: a machine may stand still for ten seconds several times, and then everything is late. */
const LIMIT_MS = 120_000;
const PAUSE_MS = 25;

/** `false` is an answer too, and would end the wait at once: a condition is for `untilTrue`. */
export type Answer = true | bigint | number | object | string | null;

export async function until<T extends Answer>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  limitMs = LIMIT_MS,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain for: ${what}`);
    await delay(PAUSE_MS);
  }
}

/** The same for a condition. */
export const untilTrue = (what: string, holds: () => boolean | Promise<boolean>, limitMs?: number) =>
  until(what, async () => ((await holds()) ? true : undefined), limitMs);
