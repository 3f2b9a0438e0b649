import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { Lingering } from "./lingering.ts";

function open(weight = 10, ms = 1_000) {
  const clock = new FakeClock();
  const kept = new Lingering<{ readonly name: string }>({ weight, ms }, clock);
  const dropped: string[] = [];
  const things = new Map<string, { readonly name: string }>();
  const thing = (name: string) => {
    const found = things.get(name) ?? { name };
    things.set(name, found);
    return found;
  };
  const keep = (name: string, octets: number) => kept.keep(thing(name), octets, () => dropped.push(name));
  return { clock, kept, dropped, keep, take: (name: string) => kept.take(thing(name)) };
}

test("the longest unused goes first when there is too much", () => {
  const { kept, dropped, keep, take } = open();
  keep("a", 4);
  keep("b", 4);
  assert.equal(take("a"), true);
  assert.equal(take("a"), false);
  keep("a", 4);
  keep("c", 3);
  assert.deepEqual([dropped, kept.weight], [["b"], 7]);
  keep("large", 11);
  assert.deepEqual([dropped, kept.weight], [["b", "a", "c", "large"], 0]);
});

test("nothing is kept for longer than it may be", () => {
  const { clock, kept, dropped, keep } = open();
  keep("a", 1);
  clock.advance(600);
  keep("b", 1);
  clock.advance(400);
  kept.sweep();
  assert.deepEqual(dropped, ["a"]);
  clock.advance(600);
  kept.sweep();
  assert.deepEqual([dropped, kept.weight], [["a", "b"], 0]);
});

test("at the end everything goes, and nothing is kept afterwards", () => {
  const { kept, dropped, keep } = open();
  keep("a", 1);
  kept[Symbol.dispose]();
  keep("b", 1);
  assert.deepEqual([dropped, kept.weight], [["a", "b"], 0]);
});
