import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Circuit, close, defaultPauses, newCircuit, open, probe, unprobe } from "./circuit.ts";

const pauseOf = (circuit: Circuit, now = 0, chance = 0.5): number => {
  const closed = close(circuit, now, defaultPauses, chance);
  return closed.at === "closed" ? closed.until - now : Number.NaN;
};

test("pauses double from the first to the longest", () => {
  const minutes: number[] = [];
  let circuit = newCircuit;
  for (let n = 0; n < 9; n++) {
    minutes.push(pauseOf(circuit) / 60_000);
    circuit = probe(close(circuit, 0, defaultPauses, 0.5));
  }
  assert.deepEqual(minutes, [0.5, 1, 2, 4, 8, 16, 30, 30, 30]);
});

test("pauses are spread by a tenth either way", () => {
  assert.equal(pauseOf(newCircuit, 1_000, 0), 27_000);
  assert.equal(Math.round(pauseOf(newCircuit, 1_000, 0.999_999)), 33_000);
});

test("only after a pause is a connection the one that tries", () => {
  assert.deepEqual(probe(newCircuit), newCircuit);
  assert.deepEqual(probe(close(newCircuit, 0, defaultPauses, 0.5)), { at: "probing", round: 1 });
});

test("when the one that tried has gone without news, another may try at once", () => {
  assert.deepEqual(unprobe({ at: "probing", round: 3 }), { at: "closed", round: 3, until: 0 });
  assert.deepEqual(unprobe(newCircuit), newCircuit);
});

test("one success opens it, recovery makes it forget", () => {
  assert.deepEqual(open({ at: "probing", round: 3 }, false), { at: "open", round: 3 });
  assert.deepEqual(open({ at: "open", round: 3 }, true), newCircuit);
});

test("property: a pause is finite and within its bounds after any number of rounds", () => {
  fc.assert(
    fc.property(
      fc.nat(5_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (rounds, chance) => {
        let circuit = newCircuit;
        for (let n = 0; n < rounds; n++) circuit = close(circuit, 0, defaultPauses, chance);
        const pause = pauseOf(circuit, 0, chance);
        assert.ok(pause >= 27_000 && pause <= defaultPauses.longestMs * 1.1);
      },
    ),
    { numRuns: 50 },
  );
});
