import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Address } from "../../mail/address.ts";
import { correspondent, type GreyNote, greyStep, isAllowed } from "./greylist.ts";

const terms = { delayMs: 300, withinMs: 10_000, keepMs: 40_000, allowAfter: 3 };

test("property: nobody passes before the delay, and whoever comes back after it, in time, does", () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 12_000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(gaps, (waits) => {
      let note: GreyNote | undefined;
      let now = 1_000_000;
      let first = now;
      for (const wait of waits) {
        const step = greyStep(note, terms, now);
        if (step.kind === "wait") {
          assert.ok(step.ms > 0 && step.ms <= terms.delayMs);
          if (step.first) {
            first = now;
            note = { kind: "tried", at: now };
          }
        } else {
          assert.ok(note?.kind === "known" || now - first >= terms.delayMs);
          if (step.kind === "remember") note = { kind: "known", at: now };
        }
        const before = note;
        now += wait;
        const inTime =
          before?.kind === "tried" && now - first >= terms.delayMs && now - first <= terms.withinMs;
        if (inTime) assert.notEqual(greyStep(before, terms, now).kind, "wait");
      }
    }),
  );
});

test("a clock that was set back makes nobody wait for longer than the delay", () => {
  const step = greyStep({ kind: "tried", at: 5_000 }, terms, 1_000);
  assert.deepEqual(step, { kind: "wait", ms: 300, first: true });
});

test("a network is allowed after as many as its terms say, and never by 0", () => {
  const network = (known: number) => ({ kind: "network", known, at: 0 }) as const;
  assert.deepEqual(
    [2, 3].map((known) => isAllowed(network(known), terms)),
    [false, true],
  );
  assert.equal(isAllowed(network(99), { ...terms, allowAfter: 0 }), false);
  assert.equal(isAllowed(undefined, terms), false);
});

test("who numbers its senders is one correspondent; letter case does not matter", () => {
  const of = (sender: string, recipient = "a@b.test") =>
    correspondent("192.0.2.0/24", sender as Address, recipient as Address);
  assert.equal(of("list-return-71@far.example"), of("LIST-return-4711@far.example"));
  assert.equal(of("x@far.example", "A@b.test"), of("x@far.example"));
  assert.notEqual(of("x@far.example"), of("y@far.example"));
  assert.notEqual(of("x@mail1.example"), of("x@mail2.example"), "numbers in a domain tell hosts apart");
  assert.notEqual(of(""), of("x@far.example"));
});
