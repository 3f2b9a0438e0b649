import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { allowed, grow, initialSize, initialWindow, resume, shrink, type Window } from "./window.ts";

const grown = (window: Window, successes: number, max = 20): Window =>
  Array.from({ length: successes }).reduce((w: Window) => grow(w, max), window);

test("a new site is trusted with a few connections, or fewer when the limit says so", () => {
  assert.equal(allowed(initialWindow, 20), initialSize);
  assert.equal(allowed(initialWindow, 2), 2);
});

test("a round of successes earns one more connection, up to the limit", () => {
  assert.equal(allowed(grown(initialWindow, 4), 20), 5);
  assert.equal(allowed(grown(initialWindow, 6), 20), 6);
  assert.equal(allowed(grown(initialWindow, 1_000), 20), 20);
});

test("a refusal takes it back to what works, and growth begins anew from there", () => {
  assert.deepEqual(shrink({ size: 12.7, threshold: 5 }, 9), { size: 9, threshold: 9 });
  assert.deepEqual(shrink({ size: 6, threshold: 5 }, 9), { size: 5, threshold: 5 });
  assert.deepEqual(shrink({ size: 1, threshold: 5 }, 0), { size: 1, threshold: 1 });
  assert.equal(allowed(grow(shrink({ size: 12, threshold: 5 }, 9), 20), 20), 9);
});

test("after a pause it starts with what is open and soon is where strangers are", () => {
  const again = resume({ size: 18, threshold: 18 }, 1);
  assert.equal(allowed(again, 20), 1);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((successes) => allowed(grown(again, successes), 20)),
    [2, 3, 4, 5, 5],
  );
});

const move = fc.oneof(
  fc.constant({ kind: "grow" as const, n: 0 }),
  fc.nat(30).map((n) => ({ kind: "shrink" as const, n })),
  fc.nat(30).map((n) => ({ kind: "resume" as const, n })),
);

test("property: at least one connection, never more than the limit, whatever happens", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(move, { maxLength: 200, size: "max" }),
      (max, moves) => {
        let window = initialWindow;
        for (const { kind, n } of moves) {
          if (kind === "grow") window = grow(window, max);
          else window = kind === "shrink" ? shrink(window, n) : resume(window, n);
          assert.ok(allowed(window, max) >= 1 && allowed(window, max) <= max);
          assert.ok(Number.isFinite(window.size));
        }
      },
    ),
  );
});
