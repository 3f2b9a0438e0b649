import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JobKey } from "./job.ts";
import { type Entry, Schedule } from "./schedule.ts";

const key = (n: number) => `0.relay.d/d.0.m${n}.0` as JobKey;
const targetOf = (n: number) => (n % 2 === 0 ? "even" : "odd");

const command = fc.oneof(
  fc.record({ do: fc.constant("put" as const), n: fc.nat(20), due: fc.nat(100), partition: fc.nat(3) }),
  fc.record({ do: fc.constant("hold" as const), n: fc.nat(20) }),
  fc.record({ do: fc.constant("remove" as const), n: fc.nat(20) }),
  fc.record({ do: fc.constant("take" as const), now: fc.nat(100) }),
  fc.record({ do: fc.constant("wait" as const), due: fc.nat(100) }),
  fc.record({ do: fc.constant("drop" as const), partition: fc.nat(3) }),
);

test("whatever happens, the earliest due job comes first, and none is lost or handed out twice", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const schedule = new Schedule();
      const model = new Map<JobKey, { due: number; busy: boolean; partition: number; target: string }>();
      const busy: Entry[] = [];
      for (const c of commands) {
        if (c.do === "put") {
          const known = model.get(key(c.n));
          schedule.put(key(c.n), 1, c.due, known?.partition ?? c.partition, targetOf(c.n));
          model.set(key(c.n), {
            due: c.due,
            busy: known?.busy ?? false,
            partition: known?.partition ?? c.partition,
            target: targetOf(c.n),
          });
        } else if (c.do === "hold") {
          const known = model.get(key(c.n));
          if (!known || known.busy) continue;
          schedule.put(key(c.n), 2, Number.POSITIVE_INFINITY, known.partition, targetOf(c.n));
          known.due = Number.POSITIVE_INFINITY;
        } else if (c.do === "remove") {
          assert.equal(schedule.remove(key(c.n)) !== undefined, model.delete(key(c.n)));
        } else if (c.do === "take") {
          const waiting = [...model.values()].filter((m) => !m.busy && m.due <= c.now).map((m) => m.due);
          const entry = schedule.takeDue(c.now);
          assert.equal(entry?.due, waiting.length > 0 ? Math.min(...waiting) : undefined);
          if (!entry) continue;
          (model.get(entry.key) as { busy: boolean }).busy = true;
          busy.push(entry);
        } else if (c.do === "wait") {
          const entry = busy.pop();
          if (!entry) continue;
          const known = schedule.get(entry.key) === entry ? model.get(entry.key) : undefined;
          schedule.wait(entry, c.due);
          if (known) Object.assign(known, { due: c.due, busy: false });
        } else {
          schedule.drop(new Set([c.partition]));
          for (const [k, m] of model) if (m.partition === c.partition) model.delete(k);
        }
        assert.equal(schedule.size, model.size);
        const waiting = [...model.values()].filter((m) => !m.busy && m.due < Number.POSITIVE_INFINITY);
        const next = waiting.map((m) => m.due);
        assert.equal(schedule.nextDue(), next.length > 0 ? Math.min(...next) : undefined);
        const odd = waiting.filter(({ target }) => target === "odd");
        const due = odd.filter((m) => m.due <= 50).map((m) => m.due);
        assert.deepEqual(
          schedule.due(50, (target) => target === "odd"),
          {
            jobs: due.length,
            later: odd.length - due.length,
            oldest: due.length > 0 ? Math.min(...due) : undefined,
          },
        );
      }
    }),
  );
});

test("a busy entry hears of its new record and stays busy", () => {
  const schedule = new Schedule();
  schedule.put(key(1), 1, 10, 0, "t");
  const entry = schedule.takeDue(10);
  assert.ok(entry);
  schedule.put(key(1), 2, 50, 0, "u");
  assert.deepEqual([entry.state, entry.revision, entry.due, entry.target], ["busy", 2, 50, "u"]);
  assert.equal(schedule.takeDue(100), undefined);
});

test("due jobs are counted with the age of the oldest", () => {
  const schedule = new Schedule();
  for (const [n, due] of [3, 9, 40].entries()) schedule.put(key(n), 1, due, 0, "t");
  assert.deepEqual(schedule.due(10), { jobs: 2, later: 1, oldest: 3 });
  assert.deepEqual(schedule.due(1), { jobs: 0, later: 3, oldest: undefined });
  schedule.put(key(7), 1, 5, 0, "another");
  assert.deepEqual(
    schedule.due(10, (target) => target === "another"),
    { jobs: 1, later: 0, oldest: 5 },
  );
});

test("times that move together keep their order", () => {
  const schedule = new Schedule();
  for (const [n, due] of [30, 10, 20].entries()) schedule.put(key(n), 1, due, 0, "t");
  schedule.shift(-10);
  assert.equal(schedule.nextDue(), 0);
  assert.deepEqual(
    [0, 10, 20].map((now) => schedule.takeDue(now)?.key),
    [key(1), key(2), key(0)],
  );
});
