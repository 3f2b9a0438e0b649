import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { apart, isWithin, placesOf, type Span } from "./spans.ts";

const place = fc.nat(60);
const spans: fc.Arbitrary<readonly Span[]> = fc.array(fc.tuple(place, place));

test("spans apart hold the same places, each once and rising", () => {
  fc.assert(
    fc.property(spans, (some) => {
      const wanted = new Set<number>();
      for (const [from, to] of some) for (let at = from; at < to; at++) wanted.add(at);
      const told = apart(some);
      assert.deepEqual(
        placesOf(told),
        [...wanted].sort((a, b) => a - b),
      );
      for (let at = -1; at <= 61; at++) assert.equal(isWithin(told, at), wanted.has(at), `${at}`);
      for (const [i, [from]] of told.entries()) assert.ok(i === 0 || (told[i - 1]?.[1] ?? 0) < from);
    }),
  );
});
