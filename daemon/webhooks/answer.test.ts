/** What answers of receivers mean, and when it is tried again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { verdictOf } from "./answer.ts";
import { atOnce, pauseAfter, waitAfter } from "./pace.ts";

const now = Date.UTC(2026, 10, 29, 14);
const answered = (status: number, retryAfter?: string) =>
  verdictOf({ kind: "answered", status, retryAfter }, now);

for (const status of [200, 201, 202, 204, 299])
  test(`${status} is taken`, () => assert.deepEqual(answered(status), { kind: "taken" }));
test("410 is gone", () => assert.deepEqual(answered(410), { kind: "gone" }));
for (const status of [0, 199, 301, 302, 307, 400, 401, 404, 408, 429, 500, 503, 999])
  test(`${status} has failed`, () => assert.equal(answered(status).kind, "failed"));

const hour = 3_600_000;
const waits: readonly (readonly [string | undefined, number])[] = [
  [undefined, 0],
  ["0", 0],
  ["30", 30_000],
  ["999999999", hour],
  ["Sun, 29 Nov 2026 14:10:00 GMT", 600_000],
  ["Sun, 29 Nov 2026 13:00:00 GMT", 0],
  ["Sun, 29 Nov 2099 14:00:00 GMT", hour],
  ["-5", 0],
  ["1e3", 0],
  ["1.5", 0],
  ["2026-11-29", 0],
  ["tomorrow", 0],
  ["", 0],
];
for (const [text, ms] of waits)
  test(`Retry-After: ${text}`, () => {
    const verdict = answered(429, text);
    assert.equal(verdict.kind === "failed" && verdict.waitMs, ms);
  });

test("why there was no answer is told in one line, and not at length", () => {
  const verdict = verdictOf({ kind: "unreachable", why: `bad\r\n\u001b[31m${"x".repeat(1_000)}` }, now);
  assert.ok(verdict.kind === "failed" && /^bad \[31mx{100,}$/.test(verdict.why) && verdict.why.length <= 200);
});

const minute = 60_000;
const table = [
  5_000,
  30_000,
  2 * minute,
  5 * minute,
  15 * minute,
  30 * minute,
  hour,
  2 * hour,
  4 * hour,
  4 * hour,
];
for (const [i, ms] of table.entries())
  test(`after ${i + 1} attempts an event waits ${ms / 1_000} s, a fifth sooner or later`, () => {
    assert.equal(waitAfter(i + 1, 0.5), ms);
    assert.equal(waitAfter(i + 1, 0), Math.round(ms * 0.8));
    assert.ok(waitAfter(i + 1, 0.999_999) <= ms * 1.2);
  });
test("no sooner than the receiver asks for", () => {
  assert.equal(waitAfter(1, 0.5, 60_000), 60_000);
  assert.equal(pauseAfter(1, 0.5, 60_000), 60_000);
});
test("a receiver is left alone after three failures in a row, for longer each time, up to five minutes", () => {
  const pauses = [1, 2, 3, 4, 5, 11, 12, 1_000].map((failures) => pauseAfter(failures, 0.5));
  assert.deepEqual(pauses, [0, 0, 1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
  assert.deepEqual([0, 1, 50].map(atOnce), [8, 1, 1]);
});
