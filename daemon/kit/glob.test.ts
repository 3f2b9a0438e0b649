import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { glob } from "./glob.ts";

const cases = [
  ["a", "a", true],
  ["a", "A", true],
  ["a", "ab", false],
  ["", "", true],
  ["", "a", false],
  ["*", "", true],
  ["*", "anything\nat all", true],
  ["a*", "abc", true],
  ["*c", "abc", true],
  ["a*c", "ac", true],
  ["ab*bc", "abc", false],
  ["*@example.org", "bob@Example.org", true],
  ["*.example.org", "example.org", false],
  ["a*b*c", "axxbyyc", true],
  ["a*b*c", "acb", false],
  ["a.c", "abc", false],
] as const;

for (const [pattern, text, want] of cases)
  test(`${JSON.stringify(pattern)} ${want ? "fits" : "does not fit"} ${JSON.stringify(text)}`, () =>
    assert.equal(glob(pattern)(text), want));

test("it says what the regular expression of the same meaning says", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
  fc.assert(
    fc.property(letters, text, (pattern, against) => {
      const meant = new RegExp(`^${pattern.replaceAll("*", ".*")}$`, "s");
      assert.equal(glob(pattern)(against), meant.test(against));
    }),
  );
});

test("a pattern of many stars takes no longer than a plain one", () => {
  const fits = glob(`${"a*".repeat(2_000)}b`);
  assert.equal(fits("a".repeat(20_000)), false);
});
