import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sizesOf } from "./store.ts";

const MIB = 1 << 20;
/** The smallest store that `--max-store` takes. */
const LEAST = 64 * MIB;
/** The streams whose size is fixed, and what JetStream itself needs. */
const OTHERS = 0.02;

const asked = { replicas: 1, eventAgeMs: undefined, eventBytes: undefined };
const bounds = (sizes: object) =>
  Object.entries(sizes).flatMap(([name, size]) =>
    /Bytes$/.test(name) && typeof size === "number" ? [size] : [],
  );

test("what is set aside of a private store fits into it, however many events are to be kept", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: LEAST, max: 2 ** 40 }),
      fc.option(fc.integer({ min: MIB, max: 2 ** 40 }), { nil: undefined }),
      (budget, eventBytes) => {
        const sizes = bounds(sizesOf(budget, { ...asked, eventBytes }));
        const all = sizes.reduce((sum, size) => sum + size, 0);
        assert.ok(all <= budget * (1 - OTHERS), `${all} of ${budget}`);
        assert.ok(sizes.every((size) => size > 0));
      },
    ),
  );
});

test("around a shared NATS only what was asked for is bounded here", () => {
  assert.deepEqual(new Set(bounds({ ...sizesOf(0, asked) })), new Set([0]));
  assert.equal(sizesOf(0, { ...asked, eventBytes: 5 * MIB }).eventBytes, 5 * MIB);
});
