import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { Gate, type GateOptions, type Passing } from "./gate.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));
const never = new AbortController().signal;

/** Work by name: which began, how often, which are under way, and how each is answered. */
class Bench {
  readonly clock = new FakeClock();
  readonly began: string[] = [];
  readonly working = new Map<string, PromiseWithResolvers<string>>();
  readonly #gate: Gate;

  constructor(over: Partial<GateOptions> = {}) {
    this.#gate = new Gate({ quick: 2, slow: 1, patienceMs: 500, clock: this.clock, ...over });
  }

  pass(name: string, over: Partial<Passing> = {}): Promise<string> {
    const work = async (signal: AbortSignal) => {
      const answer = Promise.withResolvers<string>();
      this.began.push(name);
      this.working.set(name, answer);
      signal.addEventListener("abort", () => answer.reject(signal.reason), { once: true });
      try {
        return await answer.promise;
      } finally {
        this.working.delete(name);
      }
    };
    const passing = this.#gate.pass(work, { signal: never, line: never, isSlow: false, ...over });
    passing.catch(() => {}); // seen by those who wait for it
    return passing;
  }

  async answer(name: string): Promise<void> {
    this.working.get(name)?.resolve(name);
    await settled();
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }
}

test("so many pass at once, the others in order of arrival", async () => {
  const bench = new Bench();
  const passing = ["a", "b", "c", "d"].map((name) => bench.pass(name));
  await settled();
  assert.deepEqual(bench.began, ["a", "b"]);
  await bench.answer("b");
  assert.deepEqual(bench.began, ["a", "b", "c"]);
  for (const name of ["a", "c", "d"]) await bench.answer(name);
  assert.deepEqual(await Promise.all(passing), ["a", "b", "c", "d"]);
  assert.equal(bench.clock.asleep, 0, "no timer stays behind");
});

test("what hangs goes on among the slow ones and makes room for the next", async () => {
  const bench = new Bench({ quick: 1 });
  const first = bench.pass("hangs");
  void bench.pass("next");
  await settled();
  await bench.advance(499);
  assert.deepEqual(bench.began, ["hangs"]);
  await bench.advance(1);
  assert.deepEqual(bench.began, ["hangs", "next"]);
  await bench.answer("hangs");
  assert.equal(await first, "hangs", "it was not broken off");
});

test("where many hang each is asked for a moment, and anew when a slow one has ended", async () => {
  const bench = new Bench({ quick: 1 });
  const passing = ["a", "b", "c", "fresh"].map((name) => bench.pass(name));
  await settled();
  for (const name of ["b", "c", "fresh"]) {
    await bench.advance(500);
    assert.equal(bench.began.at(-1), name);
  }
  assert.deepEqual([...bench.working.keys()], ["a", "fresh"], "the others were broken off");
  await bench.answer("fresh");
  assert.equal(await passing[3], "fresh");
  await bench.answer("a");
  assert.deepEqual([...bench.working.keys()], ["b"]);
  await bench.advance(60_000);
  assert.deepEqual([...bench.working.keys()], ["b"], "among the slow ones it has time");
  for (const name of ["b", "c"]) await bench.answer(name);
  assert.deepEqual(await Promise.all(passing), ["a", "b", "c", "fresh"]);
});

test("what is known to hang takes no place of the quick ones", async () => {
  const bench = new Bench({ quick: 1 });
  for (const name of ["a", "b", "c"]) void bench.pass(name, { isSlow: true });
  void bench.pass("fresh");
  await settled();
  assert.deepEqual(bench.began, ["a", "fresh"]);
});

test("an answer in the moment in which it is broken off is an answer", async () => {
  const bench = new Bench({ quick: 1, slow: 0 });
  const late = bench.pass("late");
  await settled();
  bench.clock.advance(500);
  bench.working.get("late")?.resolve("late");
  assert.equal(await late, "late");
});

test("who gives up waiting leaves the line and takes no place", async () => {
  const bench = new Bench({ quick: 1 });
  void bench.pass("first");
  const impatient = new AbortController();
  const second = bench.pass("second", { line: impatient.signal });
  const third = bench.pass("third");
  await settled();
  impatient.abort(new Error("enough"));
  await assert.rejects(second, /enough/);
  await bench.answer("first");
  await bench.answer("third");
  assert.equal(await third, "third");
  assert.deepEqual(bench.began, ["first", "third"]);
});

test("who gives up while it works is worked for to the end; the end of everything ends it", async () => {
  const bench = new Bench({ quick: 1 });
  const [impatient, everything] = [new AbortController(), new AbortController()];
  const passing = bench.pass("a", { line: impatient.signal, signal: everything.signal });
  await settled();
  impatient.abort(new Error("enough"));
  assert.deepEqual([...bench.working.keys()], ["a"]);
  everything.abort(new Error("closed"));
  await assert.rejects(passing, /closed/);
  await assert.rejects(bench.pass("b", { signal: everything.signal }), /closed/);
  void bench.pass("c");
  await settled();
  assert.deepEqual(bench.began, ["a", "c"], "the place is free again");
});

test("work that fails gives its place back", async () => {
  const bench = new Bench({ quick: 1, slow: 0 });
  const failing = bench.pass("a");
  await settled();
  bench.working.get("a")?.reject(new Error("refused"));
  await assert.rejects(failing, /refused/);
  void bench.pass("b");
  await settled();
  assert.deepEqual(bench.began, ["a", "b"]);
});
