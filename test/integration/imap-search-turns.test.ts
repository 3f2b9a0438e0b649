/**
 * No search keeps other sessions waiting for more than 20 ms of processor time (`test/bench/kit/turns.ts` says how that is
 * measured), whatever is searched: many messages, many at once, large bodies and headers, a folder of 100,000.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../harness/programs.ts";

const LONGEST_MS = 20;
const WORK = 17;

test("searches take short turns", { timeout: 900_000 }, async (t) => {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, "../bench/search-turns.ts")]);
  const lines = stdout.trim().split("\n");
  for (const line of lines) {
    const { what, ms } = JSON.parse(line) as { readonly what: string; readonly ms: number };
    t.diagnostic(`${what}: ${ms} ms at most`);
    assert.ok(ms <= LONGEST_MS, `${what}: a turn of ${ms} ms`);
  }
  assert.equal(lines.length, WORK);
});
