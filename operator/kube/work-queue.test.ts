import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { KubeError, type Next, PermanentError } from "./port.ts";
import { WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

const onChange: Next = { wake: "on-change" };
/** Until all that can go on without time has gone on. */
const settled = async () => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};

/** A queue whose reconciler notes its keys, and then does what `act` says. */
function open(
  act: (key: string, signal: AbortSignal) => Promise<Next>,
  over: Partial<WorkQueueOptions> = {},
) {
  const clock = new FakeClock();
  const seen: string[] = [];
  const log = logBook();
  const reconcile = (key: string, signal: AbortSignal) => {
    seen.push(key);
    return act(key, signal);
  };
  const options = {
    name: "Test",
    reconciler: { reconcile },
    workers: 1,
    clock,
    chance: () => 1,
    log,
    ...over,
  };
  const queue = new WorkQueue(options);
  return { queue, clock, seen, log, [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose]() };
}

/** A door that reconcilers stop at until it is opened. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise.then(() => onChange), open: resolve };
}

test("nothing happens before the start, and then every key once", async () => {
  await using it = open(async () => onChange);
  for (const key of ["a", "b", "a"]) it.queue.add(key);
  await settled();
  assert.deepEqual(it.seen, []);
  assert.equal(it.queue.figures.high, 2);
  it.queue.start();
  await it.queue.idle();
  assert.deepEqual(it.seen, ["a", "b"]);
});

test("a key is reconciled by one worker at a time, and once more when it was asked for meanwhile", async () => {
  let running = 0;
  let most = 0;
  const doors = [gate(), gate()];
  let visit = 0;
  await using it = open(
    async () => {
      most = Math.max(most, ++running);
      const next = await doors[visit++]?.passed;
      running--;
      return next ?? onChange;
    },
    { workers: 4 },
  );
  it.queue.start();
  for (let i = 0; i < 5; i++) it.queue.add("a");
  await settled();
  assert.deepEqual(it.seen, ["a"]);
  for (let i = 0; i < 5; i++) it.queue.add("a");
  doors[0]?.open();
  await settled();
  assert.deepEqual(it.seen, ["a", "a"]);
  doors[1]?.open();
  await it.queue.idle();
  assert.deepEqual([it.seen.length, most], [2, 1]);
});

test("different keys are reconciled side by side, up to the number of workers", async () => {
  const door = gate();
  await using it = open(() => door.passed, { workers: 3 });
  it.queue.start();
  for (const key of ["a", "b", "c", "d"]) it.queue.add(key);
  await settled();
  assert.deepEqual(it.seen, ["a", "b", "c"]);
  door.open();
  await it.queue.idle();
  assert.equal(it.seen.length, 4);
});

test("a new object does not wait behind ten thousand resyncs", async () => {
  await using it = open(async () => onChange);
  for (let i = 0; i < 10_000; i++) it.queue.add(`old-${i}`, "low");
  it.queue.add("new");
  it.queue.start();
  await it.queue.idle();
  assert.equal(it.seen.indexOf("new"), 0);
  assert.equal(it.seen.length, 10_001);
});

test("while both wait, one turn in eight is for the low priority", async () => {
  await using it = open(async () => onChange);
  for (let i = 0; i < 40; i++) it.queue.add(`high-${i}`);
  for (let i = 0; i < 40; i++) it.queue.add(`low-${i}`, "low");
  it.queue.start();
  await it.queue.idle();
  assert.equal(it.seen.slice(0, 40).filter((key) => key.startsWith("low")).length, 5);
});

test("a key that waits at low priority is moved up by a change", async () => {
  await using it = open(async () => onChange);
  for (const key of ["a", "b", "c"]) it.queue.add(key, "low");
  it.queue.add("c");
  it.queue.add("c", "low");
  it.queue.start();
  await it.queue.idle();
  assert.deepEqual(it.seen, ["c", "a", "b"]);
});

test("a thousand keys that always fail do not keep a new one waiting", async () => {
  const failing = async (key: string) => {
    if (key.startsWith("bad")) throw new Error("always");
    return onChange;
  };
  await using it = open(failing, { workers: 2 });
  for (let i = 0; i < 1_000; i++) it.queue.add(`bad-${i}`);
  it.queue.start();
  await it.queue.idle();
  for (let minute = 0; minute < 10; minute++) {
    it.clock.advance(60_000); // all of them are due again
    const from = it.seen.length;
    it.queue.add(`new-${minute}`);
    await it.queue.idle();
    const since = it.seen.slice(from);
    assert.ok(since.length > 900, `${since.length} were tried again`);
    assert.ok(since.indexOf(`new-${minute}`) <= 2, `after ${since.indexOf(`new-${minute}`)} others`);
  }
  assert.equal(it.queue.figures.failing, 1_000);
});

test("failures are tried again after waits that double up to a bound; a success forgets them", async () => {
  let fail = true;
  await using it = open(
    async () => {
      if (fail) throw new Error("not now");
      return onChange;
    },
    { backoff: { firstMs: 100, maxMs: 1_000 } },
  );
  it.queue.start();
  it.queue.add("a");
  await settled();
  for (const [failures, wait] of [100, 200, 400, 800, 1_000, 1_000].entries()) {
    it.clock.advance(wait - 2);
    await settled();
    assert.equal(it.seen.length, failures + 1, `not before ${wait} ms`);
    if (failures === 5) fail = false;
    it.clock.advance(2);
    await settled();
    assert.equal(it.seen.length, failures + 2, `after ${wait} ms`);
  }
  assert.deepEqual(it.queue.figures, { high: 0, low: 0, busy: 0, later: 0, failing: 0 });
  // Told at the first, second and fourth failure: not each time.
  assert.equal(it.log.said("warn").length, 3);
});

test("what the server asks to wait is waited", async () => {
  let first = true;
  await using it = open(async () => {
    if (!first) return onChange;
    first = false;
    throw new KubeError(429, "TooManyRequests", "slow down", 30_000);
  });
  it.queue.start();
  it.queue.add("a");
  await settled();
  it.clock.advance(29_000);
  await settled();
  assert.equal(it.seen.length, 1);
  it.clock.advance(1_000);
  await settled();
  assert.equal(it.seen.length, 2);
});

test("a permanent error waits for a change, however long", async () => {
  await using it = open(async () => {
    throw new PermanentError("the spec makes no sense");
  });
  it.queue.start();
  it.queue.add("a");
  await settled();
  it.clock.advance(86_400_000);
  await settled();
  assert.equal(it.seen.length, 1);
  it.queue.add("a");
  await settled();
  assert.equal(it.seen.length, 2);
});

test("a change ends the wait of a failure, but who fails and causes a change does not turn in circles", async () => {
  const it = open(async (key) => {
    it.queue.add(key); // its own status write is a change
    throw new Error("always");
  });
  await using _ = it;
  it.queue.start();
  it.queue.add("a");
  for (let ms = 0; ms < 60_000; ms += 100) {
    await settled();
    it.clock.advance(100);
  }
  assert.ok(it.seen.length > 50 && it.seen.length < 75, `${it.seen.length} attempts in a minute`);
});

test("an appointment is kept, and the earlier of two", async () => {
  let next: Next = { wake: "after", ms: 5_000 };
  await using it = open(async () => next);
  it.queue.start();
  it.queue.add("a");
  await settled();
  next = onChange;
  it.queue.addAfter("a", 2_000);
  it.queue.addAfter("a", 9_000);
  it.clock.advance(2_000);
  await settled();
  assert.equal(it.seen.length, 2);
  it.clock.advance(20_000);
  await settled();
  assert.equal(it.seen.length, 2);
});

test("a stop waits for what is under way, whose signal aborts, and takes nothing new", async () => {
  const it = open(
    (_, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
      ),
  );
  it.queue.start();
  it.queue.add("a");
  it.queue.add("b");
  await settled();
  await it.queue[Symbol.asyncDispose]();
  it.queue.add("c");
  await settled();
  assert.deepEqual(it.seen, ["a"]);
  assert.deepEqual(it.log.said("warn"), []);
  assert.deepEqual(it.queue.figures, { high: 0, low: 0, busy: 0, later: 0, failing: 0 });
});

test("waits and results are observed", async () => {
  const waited: [string, number][] = [];
  const ended: string[] = [];
  const results = new Map<string, Error>([
    ["b", new Error("no")],
    ["c", new PermanentError("never")],
  ]);
  const act = async (key: string) => {
    const error = results.get(key);
    if (error) throw error;
    return onChange;
  };
  const observe = {
    waited: (priority: string, ms: number) => waited.push([priority, ms]),
    ended: (result: string) => ended.push(result),
  };
  await using it = open(act, { observe });
  for (const key of ["a", "b", "c"]) it.queue.add(key, key === "a" ? "low" : "high");
  it.clock.advance(70);
  it.queue.start();
  await it.queue.idle();
  assert.deepEqual(waited.toSorted(), [
    ["high", 70],
    ["high", 70],
    ["low", 70],
  ]);
  assert.deepEqual(ended.toSorted(), ["done", "failed", "permanent"]);
});

test("reconcilers that wait for nothing let the rest of the process have its turn", async () => {
  const clock = new FakeClock();
  const act = async () => {
    clock.advance(1);
    return onChange;
  };
  await using it = open(act, { clock });
  for (let i = 0; i < 100; i++) it.queue.add(`k${i}`, "low");
  it.queue.start();
  await new Promise(setImmediate);
  const first = it.seen.length;
  assert.ok(first > 0 && first < 20, `${first} in one go`);
  await it.queue.idle();
  assert.equal(it.seen.length, 100);
});
