import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Claims } from "./claims.ts";

const at = (second: number): string => new Date(second * 1_000).toISOString().replace(".000", "");

test("the older one has the name, and the next takes over when it goes", () => {
  const claims = new Claims();
  claims.set({ key: "b/new", created: at(2) }, ["x.test"]);
  assert.deepEqual([...claims.set({ key: "a/old", created: at(1) }, ["x.test"])], ["b/new"]);
  assert.equal(claims.holder("x.test"), "a/old");
  assert.deepEqual([...claims.remove("a/old")], ["b/new"]);
  assert.equal(claims.holder("x.test"), "b/new");
  claims.remove("b/new");
  assert.equal(claims.holder("x.test"), undefined);
});

test("of the same second, the first by namespace and name has it", () => {
  const claims = new Claims();
  claims.set({ key: "b/x", created: at(1) }, ["x.test"]);
  claims.set({ key: "a/x", created: at(1) }, ["x.test"]);
  assert.equal(claims.holder("x.test"), "a/x");
});

test("the same claim again concerns nobody", () => {
  const claims = new Claims();
  claims.set({ key: "a/x", created: at(1) }, ["x.test"]);
  claims.set({ key: "b/x", created: at(2) }, ["x.test"]);
  assert.equal(claims.set({ key: "a/x", created: at(1) }, ["x.test"]).size, 0);
});

test("a claim that moves on concerns those on both sides", () => {
  const claims = new Claims();
  claims.set({ key: "a/x", created: at(1) }, ["x.test"]);
  claims.set({ key: "b/x", created: at(2) }, ["x.test"]);
  claims.set({ key: "c/y", created: at(2) }, ["y.test"]);
  assert.deepEqual([...claims.set({ key: "a/x", created: at(1) }, ["y.test"])].sort(), ["b/x", "c/y"]);
  assert.equal(claims.holder("x.test"), "b/x");
  assert.equal(claims.holder("y.test"), "a/x");
});

test("whatever the order of coming and going, the oldest of those present holds each name", () => {
  const name = fc.constantFrom("x", "y", "z");
  const move = fc.record({ key: fc.constantFrom("a/1", "a/2", "b/1", "b/2"), names: fc.uniqueArray(name) });
  fc.assert(
    fc.property(fc.array(move), (moves) => {
      const claims = new Claims();
      const present = new Map<string, readonly string[]>();
      for (const { key, names } of moves) {
        claims.set({ key, created: at(key.length + Number(key.at(-1))) }, names);
        present.set(key, names);
      }
      for (const wanted of ["x", "y", "z"]) {
        const holders = [...present].filter(([, names]) => names.includes(wanted)).map(([key]) => key);
        const oldest = holders.sort((a, b) => Number(a.at(-1)) - Number(b.at(-1)) || (a < b ? -1 : 1))[0];
        assert.equal(claims.holder(wanted), oldest);
      }
    }),
  );
});
