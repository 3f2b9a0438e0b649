import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { driftOf } from "./drift.ts";

const same: readonly (readonly [name: string, wanted: unknown, live: unknown])[] = [
  ["defaults are filled in", { a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 }],
  [
    "a sidecar was added",
    { c: [{ name: "a", image: "x" }] },
    { c: [{ name: "z" }, { name: "a", image: "x" }] },
  ],
  [
    "mounts go by their path",
    { m: [{ name: "t", mountPath: "/b" }] },
    {
      m: [
        { name: "t", mountPath: "/a" },
        { name: "t", mountPath: "/b" },
      ],
    },
  ],
  [
    "owners go by their uid",
    { o: [{ name: "n", uid: "2" }] },
    {
      o: [
        { name: "n", uid: "1" },
        { name: "n", uid: "2" },
      ],
    },
  ],
  ["a number became a quantity", { limits: { cpu: 1 } }, { limits: { cpu: "1" } }],
  [
    "a quantity in its shortest form",
    { r: { requests: { memory: "1024Mi" } } },
    { r: { requests: { memory: "1Gi" } } },
  ],
  [
    "a resource with dots in its name",
    { r: { limits: { "example.com/nic": 1 } } },
    { r: { limits: { "example.com/nic": "1" } } },
  ],
  ["a target in its shortest form", { t: { averageValue: "1000" } }, { t: { averageValue: "1k" } }],
  ["empty values are left out", { a: "", b: [], c: {}, d: 0, e: false }, {}],
];
const different: readonly (readonly [name: string, wanted: unknown, live: unknown, at: string])[] = [
  ["a value", { a: { b: 1 } }, { a: { b: 2 } }, "a.b"],
  ["a missing field", { a: { b: 1 } }, { a: {} }, "a.b"],
  ["a missing container", { c: [{ name: "a", image: "x" }] }, { c: [{ name: "b" }] }, "c[a]"],
  [
    "a container's image",
    { c: [{ name: "a", image: "x" }] },
    { c: [{ name: "a", image: "y" }] },
    "c[a].image",
  ],
  ["an argument more", { args: ["a"] }, { args: ["a", "b"] }, "args"],
  ["arguments in another order", { args: ["a", "b"] }, { args: ["b", "a"] }, "args[0]"],
  ["a rule more", { rules: [{ p: 1 }] }, { rules: [{ p: 1 }, { p: 2 }] }, "rules"],
  [
    "a token that is mounted again",
    { automountServiceAccountToken: false },
    {},
    "automountServiceAccountToken",
  ],
  ["text where a number was", { port: 25 }, { port: "25" }, "port"],
  ["a quantity", { limits: { cpu: "1" } }, { limits: { cpu: "1001m" } }, "limits.cpu"],
  ["a list instead of a map", { a: { b: 1 } }, { a: [] }, "a"],
];

for (const [name, wanted, live] of same) {
  test(`no drift: ${name}`, () => assert.equal(driftOf({ x: wanted }, { x: live }), undefined));
}
for (const [name, wanted, live, at] of different) {
  test(`drift: ${name}`, () => assert.equal(driftOf(wanted, live), at));
}

const json = fc.jsonValue({ maxDepth: 4 });

test("whatever it is, it has not drifted from itself", () => {
  fc.assert(fc.property(json, (value) => assert.equal(driftOf(value, structuredClone(value)), undefined)));
});

test("what others add to a map is no drift", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json), fc.dictionary(fc.string(), json), (ours, theirs) => {
      assert.equal(driftOf(ours, { ...theirs, ...ours }), undefined);
    }),
  );
});

test("a text that is changed is found, at any depth", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{1,5}$/), { minLength: 1, maxLength: 6 }), (path) => {
      const nest = (leaf: string) => path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), leaf);
      assert.equal(driftOf(nest("ours"), nest("theirs")), path.join("."));
    }),
  );
});
