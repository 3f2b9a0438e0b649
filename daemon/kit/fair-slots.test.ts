import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FairSlots } from "./fair-slots.ts";

const take = (slots: FairSlots, name: string, times: number): { taken: number } => {
  const counted = { taken: 0 };
  for (let i = 0; i < times; i++)
    slots.of(name).queue(() => {
      counted.taken++;
    });
  return counted;
};

test("one that wants all has half; whoever comes then has some at once", () => {
  const slots = new FairSlots(256);
  const greedy = take(slots, "greedy", 1_000);
  assert.equal(greedy.taken, 128);
  const second = take(slots, "second", 1_000);
  assert.equal(second.taken, 64);
  const third = take(slots, "third", 10);
  assert.deepEqual([third.taken, greedy.taken, second.taken], [10, 128, 64]);
});

test("what is given back goes to the one that holds least, and those who want all come to hold the same", () => {
  const slots = new FairSlots(90);
  const parties = ["a", "b"].map((name) => ({ name, counted: take(slots, name, 10_000), given: 0 }));
  for (let round = 0; round < 1_000; round++)
    for (const party of parties) {
      slots.of(party.name).give();
      party.given++;
    }
  const held = parties.map(({ counted, given }) => counted.taken - given);
  assert.ok(Math.abs((held[0] ?? 0) - (held[1] ?? 0)) <= 1, `${held}`);
  assert.ok(slots.free >= 29, `${slots.free} are left for whoever comes`);
});

test("among equals turns go round, and who has given up waiting gets none", () => {
  const slots = new FairSlots(1);
  const order: string[] = [];
  const want = (name: string) => slots.of(name).queue(() => order.push(name));
  want("a");
  want("b");
  const leave = want("c");
  want("a");
  assert.equal(leave(), true);
  slots.of("a").give();
  slots.of("b").give();
  assert.deepEqual([order, leave()], [["a", "b", "a"], false]);
});

test("any order of taking and giving: never more than there are, nobody waits who might take", () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.boolean()), { maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), steps, (count, doings) => {
      const slots = new FairSlots(count);
      const held = new Map<string, number>();
      const waiting = new Map<string, number>();
      const add = (map: Map<string, number>, name: string, by: number) =>
        map.set(name, (map.get(name) ?? 0) + by);
      for (const [name, isTaking] of doings) {
        if (isTaking) {
          add(waiting, name, 1);
          slots.of(name).queue(() => {
            add(waiting, name, -1);
            add(held, name, 1);
          });
        } else if ((held.get(name) ?? 0) > 0) {
          add(held, name, -1);
          slots.of(name).give();
        }
        const sum = [...held.values()].reduce((all, each) => all + each, 0);
        assert.equal(sum + slots.free, count);
        for (const [each, size] of waiting) assert.ok(size === 0 || (held.get(each) ?? 0) >= slots.free);
      }
    }),
  );
});
