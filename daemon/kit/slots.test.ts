import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Slots } from "./slots.ts";

test("slots are given to those who wait, in order", () => {
  const slots = new Slots(1);
  const turns: string[] = [];
  assert.equal(slots.tryTake(), true);
  slots.queue(() => turns.push("a"));
  slots.queue(() => turns.push("b"));
  assert.deepEqual(turns, []);
  slots.give();
  assert.deepEqual(turns, ["a"]);
  assert.equal(slots.tryTake(), false, "the slot went to a");
  slots.give();
  slots.give();
  assert.deepEqual(turns, ["a", "b"]);
  assert.equal(slots.free, 1);
});

test("who gives up is passed over; too late is told", () => {
  const slots = new Slots(0);
  const turns: string[] = [];
  const giveUp = slots.queue(() => turns.push("a"));
  const tooLate = slots.queue(() => turns.push("b"));
  assert.equal(giveUp(), true);
  slots.give();
  assert.deepEqual(turns, ["b"]);
  assert.equal(tooLate(), false);
});

test("the same callback may wait twice", () => {
  const slots = new Slots(0);
  let turns = 0;
  const taken = () => turns++;
  slots.queue(taken);
  slots.queue(taken);
  slots.give();
  slots.give();
  assert.equal(turns, 2);
});

test("property: never more taken than there are, none lost", () => {
  const moves = fc.array(fc.constantFrom("try", "queue", "give", "giveUp"), { maxLength: 100 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4 }), moves, (count, steps) => {
      const slots = new Slots(count);
      let taken = 0;
      const quits: (() => boolean)[] = [];
      for (const step of steps) {
        if (step === "try" && slots.tryTake()) taken++;
        if (step === "queue") quits.push(slots.queue(() => taken++));
        if (step === "giveUp") quits.shift()?.();
        if (step === "give" && taken > 0) {
          taken--;
          slots.give();
        }
        assert.ok(taken <= count);
        assert.equal(slots.free, count - taken);
        assert.ok(slots.free === 0 || slots.waiting === 0, "nobody waits while a slot is free");
      }
    }),
  );
});
