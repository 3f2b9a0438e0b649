import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { defaultRetry, delayNoticeDue, expiresAt, nextAttempt, type RetryNumbers } from "./retry.ts";

const minute = 60_000;
const hour = 60 * minute;
const queuedAt = 1_700_000_000_000;
const middle = () => 0.5;
const next = (over: Partial<Parameters<typeof nextAttempt>[0]> = {}) =>
  nextAttempt({ attempts: 1, queuedAt, now: queuedAt, policy: defaultRetry, chance: middle, ...over });

const waits = [
  { attempts: 1, minutes: 5 },
  { attempts: 2, minutes: 10 },
  { attempts: 3, minutes: 20 },
  { attempts: 6, minutes: 160 },
  { attempts: 7, minutes: 240 },
  { attempts: 2_000, minutes: 240 },
];
for (const { attempts, minutes } of waits)
  test(`after attempt ${attempts} the wait is ${minutes} minutes`, () =>
    assert.deepEqual(next({ attempts }), { kind: "retry", at: queuedAt + minutes * minute }));

test("chance spreads a wait by a tenth either way", () => {
  assert.deepEqual(next({ chance: () => 0 }), { kind: "retry", at: queuedAt + 4.5 * minute });
  const late = next({ chance: () => 1 - Number.EPSILON });
  assert.deepEqual(late, { kind: "retry", at: queuedAt + 5.5 * minute });
});

test("a reason that names a later time is waited for, an earlier one changes nothing", () => {
  const hourLater = queuedAt + hour;
  assert.deepEqual(next({ notBefore: hourLater }), { kind: "retry", at: hourLater });
  assert.deepEqual(next({ notBefore: queuedAt + 1 }), next());
});

test("the last attempt is at the deadline, then it is over", () => {
  const deadline = expiresAt(queuedAt, defaultRetry);
  assert.deepEqual(next({ attempts: 40, now: deadline - minute }), { kind: "retry", at: deadline });
  assert.deepEqual(next({ attempts: 41, now: deadline }), { kind: "expired" });
});

const policies: fc.Arbitrary<RetryNumbers> = fc.record({
  initialMs: fc.integer({ min: 1_000, max: hour }),
  factor: fc.double({ min: 1, max: 10, noNaN: true }),
  maxMs: fc.integer({ min: 1_000, max: 24 * hour }),
  expireAfterMs: fc.integer({ min: 1_000, max: 10 * 24 * hour }),
  delayNoticeAfterMs: fc.integer({ min: 0, max: 24 * hour }),
  jitter: fc.double({ min: 0, max: 0.5, noNaN: true }),
});

test("the next attempt lies in the future, at or before the deadline, and no later than wait and spread allow", () => {
  fc.assert(
    fc.property(
      policies,
      fc.integer({ min: 1, max: 3_000 }),
      fc.integer({ min: 0, max: 10 * 24 * hour }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (policy, attempts, age, chance) => {
        const now = queuedAt + age;
        const end = nextAttempt({ attempts, queuedAt, now, policy, chance: () => chance });
        if (end.kind === "expired") return assert.ok(age >= policy.expireAfterMs);
        assert.ok(end.at > now && end.at <= queuedAt + policy.expireAfterMs);
        assert.ok(end.at - now <= policy.maxMs * (1 + policy.jitter) + 1);
      },
    ),
  );
});

test("a message that is always deferred expires after a bounded number of attempts", () => {
  let now = queuedAt;
  let attempts = 1;
  for (;;) {
    const end = next({ attempts, now });
    if (end.kind === "expired") break;
    now = end.at;
    attempts++;
    assert.ok(attempts < 50);
  }
  assert.equal(now, expiresAt(queuedAt, defaultRetry));
  assert.ok(attempts > 30);
});

const notices = [
  { age: 4 * hour - 1, after: 4 * hour, want: false },
  { age: 4 * hour, after: 4 * hour, want: true },
  { age: 100 * hour, after: 0, want: false },
];
for (const { age, after, want } of notices)
  test(`at an age of ${age} ms, with notice after ${after} ms, the sender ${want ? "hears" : "waits"}`, () =>
    assert.equal(
      delayNoticeDue(queuedAt, queuedAt + age, { ...defaultRetry, delayNoticeAfterMs: after }),
      want,
    ));
