import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { diceFrom } from "./chance.ts";
import { Mix } from "./mix.ts";

test("the same seed makes the same choices, another makes others", () => {
  const draws = (seed: number) => {
    const dice = diceFrom(seed);
    return Array.from({ length: 20 }, () => dice.next());
  };
  assert.deepEqual(draws(7), draws(7));
  assert.notDeepEqual(draws(7), draws(8));
});

test("whole numbers stay in their range and reach both ends", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: -5, max: 5 }),
      fc.integer({ min: 0, max: 3 }),
      (seed, low, span) => {
        const dice = diceFrom(seed);
        const seen = new Set(Array.from({ length: 200 }, () => dice.whole(low, low + span)));
        assert.deepEqual(
          [...seen].sort((x, y) => x - y),
          Array.from({ length: span + 1 }, (_, i) => low + i),
        );
      },
    ),
    { numRuns: 50 },
  );
});

test("the mix has every kind of message, and addresses elsewhere belong to one message", () => {
  const mix = new Mix(diceFrom(3), "m");
  const drafts = Array.from({ length: 2_000 }, () => mix.next());
  const fates = new Set(drafts.flatMap(({ expected }) => expected.map(({ fate }) => fate)));
  assert.deepEqual([...fates].sort(), ["bounce", "mailbox", "sink"]);
  assert.equal(new Set(drafts.map(({ id }) => id)).size, drafts.length);
  assert.ok(drafts.some(({ octets, expected }) => octets > 100_000 && expected.length > 3));
  const elsewhere = drafts.flatMap(({ expected }) => expected.filter(({ fate }) => fate !== "mailbox"));
  assert.equal(new Set(elsewhere.map(({ address }) => address)).size, elsewhere.length);
  assert.ok(elsewhere.some(({ address }) => address.startsWith("late-")));
});
