/**
 * How long others take to lead: what is promised, measured where a machine may stand still during one hand-over, but not during
 * each of several.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";

/** Promised, ms: by a leader that is asked to stop, and after one that is not heard of any more. */
export const CLEAN_MS = 3_000;
export const CRASH_MS = 20_000;
export const ROUNDS = 3;

/** `busyMs`: what a machine that is busy with other tests gets on top of `limitMs`. `once` returns how long it took. */
export async function handedOver(
  t: TestContext,
  { limitMs, busyMs }: { readonly limitMs: number; readonly busyMs: number },
  once: (round: number) => Promise<number>,
): Promise<void> {
  const took: number[] = [];
  while (took.length < ROUNDS && !took.some((ms) => ms <= limitMs + busyMs))
    took.push(Math.round(await once(took.length)));
  t.diagnostic(`handed over after ${took.join(", ")} ms (promised: ${limitMs})`);
  assert.ok(Math.min(...took) <= limitMs + busyMs, `${took} ms`);
}
