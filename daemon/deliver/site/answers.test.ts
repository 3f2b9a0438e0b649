import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Outcome } from "../../mail/outcome.ts";
import { reply } from "../../mail/reply.ts";
import { Answers } from "./answers.ts";

const start = 1_700_000_000_000;
const minute = 60_000;
const delivered: Outcome = { kind: "delivered", reply: reply(250, "2.0.0", "ok"), how: "relayed" };
const full: Outcome = { kind: "deferred", reply: reply(452, "4.2.2", "full\r\nup"), bounce: "mailbox-full" };

test("answers are counted by what they were about, and the last that was no delivery is told in one line", () => {
  const answers = new Answers();
  assert.equal(answers.recent(start), undefined);
  for (const outcome of [delivered, full, delivered]) answers.count(outcome, start);
  const { counts, last } = answers.recent(start) ?? assert.fail();
  assert.deepEqual(counts, { delivered: 2, "mailbox-full": 1 });
  assert.equal(last?.at, start);
  assert.match(last?.reply ?? "", /^452 4\.2\.2 full[^\r\n]*up$/);
});

test("what is an hour old is forgotten, the last answer too", () => {
  const answers = new Answers();
  answers.count(full, start);
  answers.count(delivered, start + 40 * minute);
  assert.deepEqual(answers.recent(start + 71 * minute)?.counts, { delivered: 1 });
  assert.equal(answers.recent(start + 71 * minute)?.last, undefined);
  assert.equal(answers.recent(start + 120 * minute), undefined);
});

test("no more is counted than was heard, and all of the last fifty minutes", () => {
  const times = fc.array(fc.integer({ min: 0, max: 300 * minute }), { maxLength: 50 });
  fc.assert(
    fc.property(times, (given) => {
      const sorted = given.toSorted((a, b) => a - b);
      const answers = new Answers();
      for (const at of sorted) answers.count(delivered, start + at);
      const now = sorted.at(-1) ?? 0;
      const counted = answers.recent(start + now)?.counts.delivered ?? 0;
      const surely = sorted.filter((at) => now - at <= 50 * minute).length;
      const atMost = sorted.filter((at) => now - at < 60 * minute).length;
      assert.ok(counted >= surely && counted <= atMost, `${surely} ≤ ${counted} ≤ ${atMost}`);
    }),
  );
});
