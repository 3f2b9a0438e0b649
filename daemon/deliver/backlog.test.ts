import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { draft } from "../../test/contract/queue.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { JobKey, Queued } from "../queue/job.ts";
import { Backlog } from "./backlog.ts";

const record = (n: number): Queued => ({
  key: `0.relay.d/d.0.m${n}.0` as JobKey,
  revision: n,
  job: { ...draft(), body: { kind: "inline", size: 1_000 } },
  inline: Buffer.alloc(1_000),
});

function open(t: TestContext, maxFresh: number) {
  const clock = new FakeClock();
  const backlog = new Backlog({ clock, maxFresh, onDue: () => {} });
  t.after(() => backlog.stop());
  const put = (n: number, { due = clock.now(), partition = 0 } = {}) =>
    backlog.put(record(n), { partition, due, target: "t", wish: "none" });
  return { clock, backlog, put };
}

test("records of what is due are kept while there is room, those of what waits are not", (t) => {
  const { clock, put } = open(t, 3_000);
  assert.equal(put(1, { due: clock.now() + 1 }).queued, undefined);
  assert.deepEqual(
    [2, 3, 4].map((n) => put(n).queued !== undefined),
    [true, true, false],
  );
});

test("what was never tried takes turns with what has been due for long", (t) => {
  const { clock, backlog } = open(t, 0);
  const put = (n: number, attempts: number, due: number) => {
    const given = record(n);
    const queued = { ...given, job: { ...given.job, attempts } };
    backlog.put(queued, { partition: 0, due, target: "t", wish: "none" });
  };
  for (let n = 1; n <= 5; n++) put(n, 1, clock.now() - 1_000 + n);
  for (let n = 6; n <= 7; n++) put(n, 0, clock.now());
  const taken = Array.from({ length: 8 }, () => backlog.takeDue(clock.now())?.revision);
  assert.deepEqual(taken, [1, 6, 2, 7, 3, 4, 5, undefined]);
});

test("what was tried before leaves half of the memory to what was not", (t) => {
  const { clock, backlog } = open(t, 8_000);
  const put = (n: number, attempts: number) => {
    const given = record(n);
    const queued = { ...given, job: { ...given.job, attempts } };
    return (
      backlog.put(queued, { partition: 0, due: clock.now(), target: "t", wish: "none" }).queued !== undefined
    );
  };
  assert.deepEqual(
    [1, 2, 3].map((n) => put(n, 1)),
    [true, true, false],
  );
  assert.deepEqual(
    [4, 5, 6].map((n) => put(n, 0)),
    [true, true, false],
  );
});

test("what came back untried takes its turn with what was never tried", (t) => {
  const { clock, backlog } = open(t, 0);
  const put = (n: number, attempts: number, due: number) => {
    const given = record(n);
    const queued = { ...given, job: { ...given.job, attempts } };
    return backlog.put(queued, { partition: 0, due, target: "t", wish: "none" });
  };
  for (let n = 1; n <= 5; n++) put(n, 1, clock.now() - 1_000 + n);
  put(6, 0, clock.now());
  const take = () => backlog.takeDue(clock.now());
  take();
  const untried = take();
  assert.equal(untried?.revision, 6);
  if (untried) backlog.later(untried, 0);
  assert.deepEqual([take()?.revision, take()?.revision, take()?.revision], [2, 6, 3]);
});

const ways = {
  "its attempt began": (b: Backlog, n: number) => {
    const entry = b.takeDue(Number.MAX_SAFE_INTEGER);
    assert.equal(entry?.revision, n);
    if (entry) b.forget(entry);
  },
  "it was put back": (b: Backlog) => {
    const entry = b.takeDue(Number.MAX_SAFE_INTEGER);
    if (entry) b.later(entry, 1_000);
  },
  "it is gone": (b: Backlog, n: number) => void b.remove(record(n).key),
  "its partition was lost": (b: Backlog) => void b.drop([0]),
} as const;

for (const [name, leave] of Object.entries(ways))
  test(`there is room again when ${name}`, (t) => {
    const { backlog, put } = open(t, 2_000);
    for (let n = 1; n <= 20; n++) {
      assert.ok(put(n).queued, `record ${n} is kept`);
      assert.equal(put(100 + n, { partition: 1 }).queued, undefined, "one is all there is room for");
      backlog.remove(record(100 + n).key);
      leave(backlog, n);
    }
  });

test("who was lost is no longer owned; the others are", (t) => {
  const { backlog, put } = open(t, 0);
  const lost = put(1, { partition: 1 });
  const kept = put(2, { partition: 2 });
  assert.deepEqual(backlog.drop([1]), [lost]);
  assert.deepEqual([backlog.owns(lost), backlog.owns(kept), backlog.size], [false, true, 1]);
});

test("a clock that is set back does not make anything wait longer", (t) => {
  const clock = new FakeClock();
  let set = 0;
  const wall = {
    now: () => clock.now() + set,
    monotonic: () => clock.monotonic(),
    sleep: clock.sleep.bind(clock),
  };
  const backlog = new Backlog({ clock: wall, maxFresh: 0, onDue: () => {} });
  t.after(() => backlog.stop());
  const due = wall.now() + 600_000;
  backlog.put(record(1), { partition: 0, due, target: "t", wish: "none" });
  assert.equal(backlog.takeDue(wall.now()), undefined);
  set = -3_600_000;
  clock.advance(599_000);
  assert.equal(backlog.takeDue(wall.now()), undefined);
  clock.advance(1_000);
  assert.equal(backlog.takeDue(wall.now())?.revision, 1);
});
