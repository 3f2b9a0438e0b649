import assert from "node:assert/strict";
import { test } from "node:test";
import { accountOfDrill } from "./drill.ts";
import { type Fate, Ledger } from "./ledger.ts";

const moments = { began: 10_000, restored: 20_000 };

function books(fate: Fate, acceptedAt: number, copies: readonly number[], filed = 0, reported = 0) {
  const ledger = new Ledger();
  const sent = ledger.begin("m", [{ address: "a@x.test", fate }]);
  sent.told = { kind: "accepted" };
  sent.at = acceptedAt;
  for (const at of copies) ledger.copies.push({ id: "m", address: "a@x.test", at });
  return {
    ledger,
    filed: new Map([["a@x.test", Array.from({ length: filed }, () => "m")]]),
    reported: Array.from({ length: reported }, () => "a@x.test"),
  };
}

const table = [
  { name: "delivered before, and not again", given: books("sink", 1_000, [2_000]), missing: 0, again: 0 },
  { name: "delivered before, and again", given: books("sink", 1_000, [2_000, 21_000]), missing: 0, again: 1 },
  { name: "in the copy, delivered after", given: books("sink", 1_000, [21_000]), missing: 0, again: 0 },
  {
    name: "on its way when the copy began",
    given: books("sink", 9_000, [9_500, 21_000]),
    missing: 0,
    again: 0,
  },
  {
    name: "delivered behind the copy, and again",
    given: books("sink", 1_000, [11_000, 21_000]),
    missing: 0,
    again: 0,
  },
  { name: "nobody has it", given: books("sink", 1_000, []), missing: 1, again: 0 },
  { name: "accepted behind the copy, and lost", given: books("sink", 11_000, []), missing: 0, again: 0 },
  { name: "filed", given: books("mailbox", 1_000, [], 1), missing: 0, again: 0 },
  { name: "filed twice", given: books("mailbox", 9_999, [], 2), missing: 0, again: 1 },
  { name: "not filed any more", given: books("mailbox", 9_999, []), missing: 1, again: 0 },
  { name: "reported", given: books("bounce", 1_000, [], 0, 1), missing: 0, again: 0 },
  { name: "reported twice", given: books("bounce", 1_000, [], 0, 2), missing: 0, again: 1 },
  {
    name: "reported behind the copy, and again",
    given: books("bounce", 9_000, [], 0, 2),
    missing: 0,
    again: 0,
  },
] as const;

for (const { name, given, missing, again } of table)
  test(`a drill: ${name}`, () => {
    const found = accountOfDrill(given, moments);
    assert.deepEqual([found.missing.length, found.again.length], [missing, again]);
  });

test("what was delivered between copy and loss is counted", () => {
  const { unavoidable, deliveredBefore, deliveredAfter } = accountOfDrill(
    books("sink", 1_000, [11_000, 21_000]),
    moments,
  );
  assert.deepEqual(
    { unavoidable, deliveredBefore, deliveredAfter },
    { unavoidable: 1, deliveredBefore: 0, deliveredAfter: 1 },
  );
});
