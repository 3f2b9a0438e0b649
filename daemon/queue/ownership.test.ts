import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Holding, moves, preferred } from "./ownership.ts";

const names = (n: number) => Array.from({ length: n }, (_, i) => `member-${i}`);
const members = fc.integer({ min: 1, max: 12 }).map(names);
const partitions = Array.from({ length: 64 }, (_, p) => p);

test("every member gets a share", () => {
  for (const n of [2, 3, 5, 10]) {
    const counts = new Map<string, number>();
    for (const p of partitions) {
      const owner = preferred(names(n), p) as string;
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    for (const [member, count] of counts) assert.ok(count >= 64 / n / 4, `${member} of ${n} has ${count}`);
  }
});

test("a member that leaves moves only what it held", () => {
  fc.assert(
    fc.property(members, fc.nat(11), (all, n) => {
      const leaving = all[n % all.length] as string;
      const rest = all.filter((m) => m !== leaving);
      for (const p of partitions) {
        const before = preferred(all, p);
        if (before !== leaving) assert.equal(preferred(rest, p), before);
      }
    }),
  );
});

test("however members come and go, no partition has two holders, and all are held in the end", () => {
  const event = fc.oneof(
    fc.record({ do: fc.constantFrom("join", "die", "step"), who: fc.nat(5) }),
    fc.record({ do: fc.constant("step"), who: fc.nat(5) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const live = new Set<string>();
      const holders = new Map<number, string | undefined>();
      const holdings = (): Holding[] =>
        partitions.map((partition) => ({ partition, holder: holders.get(partition) }));
      const step = (me: string) => {
        if (!live.has(me)) return;
        const { claim, release } = moves(me, live, holdings());
        for (const p of release) {
          assert.equal(holders.get(p), me, "gives up only its own");
          holders.set(p, undefined);
        }
        for (const p of claim) {
          const holder = holders.get(p);
          assert.ok(holder === undefined || !live.has(holder), "takes nothing from the living");
          holders.set(p, me);
        }
      };
      for (const e of events) {
        const who = `member-${e.who}`;
        if (e.do === "join") live.add(who);
        else if (e.do === "die") live.delete(who);
        else step(who);
      }
      live.add("member-9");
      for (let round = 0; round < 3; round++) for (const who of live) step(who);
      for (const p of partitions) assert.equal(holders.get(p), preferred(live, p));
    }),
  );
});
