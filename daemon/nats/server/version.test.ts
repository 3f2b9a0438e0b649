import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { atLeast, parseVersion, versionOf } from "./version.ts";

const texts = [
  ["nats-server: v2.15.2", "2.15.2"],
  ["nats-server: v2.16.0-RC.1\n", "2.16.0"],
  ["2.9.25", "2.9.25"],
  ["command not found", undefined],
  ["v2.15", undefined],
] as const;
for (const [text, want] of texts) {
  test(`${JSON.stringify(text)} is version ${want}`, () => assert.equal(parseVersion(text), want));
}

const comparisons = [
  ["2.15.2", "2.15.2", true],
  ["2.15.10", "2.15.2", true],
  ["2.15.1", "2.15.2", false],
  ["2.9.99", "2.15.0", false],
  ["3.0.0", "2.15.2", true],
] as const;
for (const [have, need, want] of comparisons) {
  test(`${have} is ${want ? "" : "not "}at least ${need}`, () => assert.equal(atLeast(have, need), want));
}

test("of two different versions exactly one is at least the other", () => {
  const version = fc.tuple(fc.nat(40), fc.nat(40), fc.nat(40)).map((parts) => parts.join("."));
  fc.assert(
    fc.property(version, version, (a, b) => {
      assert.equal(atLeast(a, b) && atLeast(b, a), a === b);
      assert.ok(atLeast(a, b) || atLeast(b, a));
    }),
  );
});

test("a program that is absent or says nothing has no version", async () => {
  assert.equal(await versionOf("/nonexistent/nats-server"), undefined);
  assert.equal(await versionOf("/bin/true"), undefined);
});
