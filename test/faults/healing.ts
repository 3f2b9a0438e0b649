/**
 * What clients must and must not hear around an outage of the store, and whether others take over: looked up in the
 * ledger while the load goes on.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Ledger } from "./ledger.ts";

/** An answer that was on its way to the client when the store went away. */
const ON_ITS_WAY_MS = 250;

/** Nothing can have been stored while the store was away: nobody heard 250, and everybody to come back. */
export function mustSpeakTruly({ sent }: Pick<Ledger, "sent">, from: number, to: number): void {
  for (const { id, told, at = 0 } of sent.values()) {
    const meanwhile = at > from + ON_ITS_WAY_MS && at < to;
    assert.ok(!(meanwhile && told?.kind === "accepted"), `${id} was acknowledged while the store was away`);
    if (meanwhile && told?.kind === "refused")
      assert.match(told.reply, /^(451 4\.3\.0|452 4\.3\.1|421) /, "another answer than to come back");
  }
}

/** Messages that were accepted until then and of which the next hop has nothing. */
export function stranded({ sent, copies }: Pick<Ledger, "sent" | "copies">, until: number): string[] {
  const arrived = new Set(copies.map(({ id }) => id));
  const waiting = [...sent.values()].filter(
    ({ id, at, told, expected }) =>
      told?.kind === "accepted" &&
      at !== undefined &&
      at <= until &&
      expected.some(({ fate }) => fate === "sink") &&
      !arrived.has(id),
  );
  return waiting.map(({ id }) => id);
}

/** Resolves when what was accepted until then has arrived, by way of whoever took over. */
export async function takenOver(ledger: Ledger, until: number, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  for (;;) {
    const left = stranded(ledger, until);
    if (left.length === 0) return;
    assert.ok(
      performance.now() < end,
      `${left.length} messages waited for an owner that was gone: ${left.slice(0, 5).join()}`,
    );
    await delay(500);
  }
}
