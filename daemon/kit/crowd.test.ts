import assert from "node:assert/strict";
import { test } from "node:test";
import { Crowd } from "./crowd.ts";

test("a few at once per key, in order, and nothing is remembered afterwards", async () => {
  const crowd = new Crowd(2);
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const enter = (key: string, name: string) =>
    crowd.pass(key, () => {
      started.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    });
  const all = [enter("a", "a1"), enter("a", "a2"), enter("a", "a3"), enter("b", "b1"), enter("a", "a4")];
  assert.deepEqual(started, ["a1", "a2", "b1"]);
  ends.get("a2")?.();
  await all[1];
  await new Promise(setImmediate);
  assert.deepEqual(started, ["a1", "a2", "b1", "a3"]);
  for (const name of ["a1", "a3", "b1"]) ends.get(name)?.();
  await Promise.all([all[0], all[2], all[3]]);
  await new Promise(setImmediate);
  ends.get("a4")?.();
  await Promise.all(all);
  assert.equal(crowd.size, 0);
});

test("work that fails gives its place back", async () => {
  const crowd = new Crowd(1);
  await assert.rejects(
    crowd.pass("a", () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await crowd.pass("a", async () => 7), 7);
  assert.equal(crowd.size, 0);
});
