/** The line for a commit, whatever comes: everybody's turn comes once, and subjects stay in their order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CommitLine, type Standing } from "./commit-line.ts";

interface Named extends Standing {
  readonly name: number;
}

const limits = { maxEntries: 6, maxBytes: 100, patienceMs: 15 } as const;

const arrival = fc.record({
  subjects: fc.uniqueArray(fc.nat(12), { minLength: 1, maxLength: 4 }),
  octets: fc.nat(40),
  canWait: fc.boolean(),
  /** Time that passes before it comes, and whether the line is asked for a batch then. */
  afterMs: fc.nat(10),
  thenTake: fc.boolean(),
});

test("each unit is taken once, those of one subject in the order in which they came, and batches keep to their limits", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { maxLength: 60 }), async (arrivals) => {
      let now = 0;
      const clock = { now: () => now, monotonic: () => now, sleep: async () => {} };
      const line = new CommitLine<Named>({ ...limits, clock });
      const came = new Map<string, number[]>();
      const taken: Named[] = [];
      const take = () => {
        const batch = line.take();
        const subjects = batch.flatMap(({ entries }) => entries.map(({ subject }) => subject));
        assert.equal(new Set(subjects).size, subjects.length, "a subject twice in one batch");
        if (batch.length > 1 && batch.some(({ canWait }) => canWait)) {
          assert.ok(subjects.length <= limits.maxEntries);
          assert.ok(batch.reduce((sum, { bytes }) => sum + bytes, 0) <= limits.maxBytes);
        }
        assert.ok(batch.length > 0, "somebody waits, and nobody is taken");
        taken.push(...batch);
      };
      for (const [name, { subjects, octets, canWait, afterMs, thenTake }] of arrivals.entries()) {
        now += afterMs;
        const entries = subjects.map((n) => ({ subject: `s.${n}`, data: Buffer.alloc(0) }));
        for (const { subject } of entries) came.set(subject, [...(came.get(subject) ?? []), name]);
        line.add({ name, entries, bytes: octets, since: now, canWait });
        if (thenTake) take();
      }
      while (line.size > 0) take();
      assert.equal(taken.length, arrivals.length);
      for (const [subject, names] of came) {
        const order = taken.filter(({ entries }) => entries.some((entry) => entry.subject === subject));
        assert.deepEqual(
          order.map(({ name }) => name),
          names,
        );
      }
    }),
    { numRuns: 2_000 },
  );
});
