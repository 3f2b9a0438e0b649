import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { aborted } from "../../daemon/kit/stop.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { MemoryKube } from "../../test/harness/kube/memory.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { kinds } from "./kinds.ts";
import { Election, NotLeader, type Term } from "./leader.ts";
import { microTime } from "./lease.ts";
import type { Kube } from "./port.ts";

const settled = async () => {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate);
};

/** How a candidate's calls fare: `hangs` until their signal aborts; `lost` are carried out, and the answer is lost. */
type Line = "good" | "fails" | "hangs" | "lost";

function over(kube: Kube, line: () => Line): Kube {
  const through = async <T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> => {
    const now = line();
    if (now === "hangs") {
      await aborted(signal);
      throw signal.reason;
    }
    if (now === "fails") throw new Error("connection refused");
    const answer = await call();
    if (now === "lost") throw new Error("connection reset");
    return answer;
  };
  const { get, create, patch } = kube;
  const some: Pick<Kube, "get" | "create" | "patch"> = {
    get: (...args) => through(args[3], () => get.apply(kube, args)) as never,
    create: (...args) => through(args[1], () => create.apply(kube, args)) as never,
    patch: (...args) => through(args[4], () => patch.apply(kube, args)) as never,
  };
  return some as Kube;
}

class Candidate {
  line: Line = "good";
  term: Term | undefined;
  terms = 0;
  readonly log = logBook();
  readonly stop = new AbortController();
  readonly election: Election;
  readonly ended: Promise<"released" | "lost">;

  /** Acts until its term's signal aborts, or for `lingerMs` longer. */
  constructor(kube: Kube, clock: FakeClock, identity: string, linger: Promise<void> = Promise.resolve()) {
    const place = { namespace: "mail", name: "operator", identity, clock, chance: () => 0.5, log: this.log };
    this.election = new Election({ kube: over(kube, () => this.line), ...place });
    this.ended = this.election.run(this.stop.signal, async (term) => {
      this.term = term;
      this.terms++;
      await aborted(term.signal);
      await linger;
      this.term = undefined;
    });
  }
}

async function pass(clock: FakeClock, ms: number, step = 100): Promise<void> {
  for (let at = 0; at < ms; at += step) {
    clock.advance(step);
    await settled();
  }
}

async function pair() {
  const clock = new FakeClock();
  const kube = new MemoryKube();
  const first = new Candidate(kube, clock, "first");
  await settled();
  const second = new Candidate(kube, clock, "second");
  await settled();
  const lease = async () =>
    (await kube.get(kinds.Lease, "mail", "operator", AbortSignal.timeout(120_000)))?.["spec"];
  const end = async () => {
    for (const each of [first, second]) {
      each.line = "good";
      each.stop.abort(new Error("the test is over"));
    }
    await settled();
    await Promise.all([first.ended, second.ended]);
  };
  return { clock, kube, first, second, lease, [Symbol.asyncDispose]: end };
}

test("times are written with exactly six digits", () => {
  assert.equal(microTime(1_700_000_000_007), "2023-11-14T22:13:20.007000Z");
});

test("the first to come leads, the other stands by and knows whom", async () => {
  await using it = await pair();
  await pass(it.clock, 30_000);
  assert.ok(it.first.term && !it.second.term);
  assert.equal(it.second.election.holder, "first");
  assert.deepEqual(await it.lease(), {
    holderIdentity: "first",
    leaseDurationSeconds: 15,
    acquireTime: "2023-11-14T22:13:20.000000Z",
    renewTime: "2023-11-14T22:13:50.000000Z",
    leaseTransitions: 0,
  });
});

test("a stop hands over within one look of the other", async () => {
  await using it = await pair();
  await pass(it.clock, 10_000);
  it.first.stop.abort(new Error("stop"));
  await settled();
  assert.equal(await it.first.ended, "released");
  await pass(it.clock, 2_000);
  assert.ok(it.second.term);
  const { holderIdentity, leaseTransitions } = (await it.lease()) as Record<string, unknown>;
  assert.deepEqual([holderIdentity, leaseTransitions], ["second", 1]);
});

test("the lease is kept until the act has ended, however long that takes", async () => {
  const clock = new FakeClock();
  const kube = new MemoryKube();
  const linger = Promise.withResolvers<void>();
  const first = new Candidate(kube, clock, "first", linger.promise);
  await settled();
  const second = new Candidate(kube, clock, "second");
  first.stop.abort(new Error("stop"));
  await pass(clock, 60_000);
  assert.ok(first.term?.signal.aborted && first.election.isLeader);
  first.term.assert();
  assert.equal(second.term, undefined);
  linger.resolve();
  await settled();
  await pass(clock, 2_000);
  assert.ok(second.term);
  second.stop.abort(new Error("stop"));
  await second.ended;
});

test("a leader that cannot renew is fenced 5 s before anybody else may lead, who does within 20 s", async () => {
  for (const line of ["fails", "hangs", "lost"] as const) {
    await using it = await pair();
    await pass(it.clock, 5_000);
    const term = it.first.term as Term;
    it.first.line = line;
    await pass(it.clock, 7_900);
    if (line !== "lost") assert.ok(!term.signal.aborted);
    await pass(it.clock, 2_200);
    assert.ok(term.signal.reason instanceof NotLeader, line);
    assert.throws(term.assert, NotLeader);
    assert.equal(await it.first.ended, "lost");
    assert.equal(it.second.term, undefined);
    await pass(it.clock, 10_000);
    // Lost answers renewed the lease: it is the first's for longer, although it does not know.
    if (line === "lost") await pass(it.clock, 10_000);
    assert.ok(it.second.term, line);
  }
});

test("an overloaded server that refuses half of the calls ends no term", async () => {
  await using it = await pair();
  let n = 0;
  for (let second = 0; second < 60; second++) {
    it.first.line = ["good", "fails", "lost"][n++ % 3] as Line;
    await pass(it.clock, 700);
  }
  assert.deepEqual([it.first.terms, it.first.term?.signal.aborted, it.second.term], [1, false, undefined]);
});

test("a release that fails is tried again", async () => {
  await using it = await pair();
  it.first.line = "fails";
  it.first.stop.abort(new Error("stop"));
  await settled();
  it.first.line = "good";
  await pass(it.clock, 300);
  assert.equal(await it.first.ended, "released");
  await pass(it.clock, 2_000);
  assert.ok(it.second.term);
});

test("who lost its lease to an outage takes it again at once; the old term stays over", async () => {
  const clock = new FakeClock();
  const kube = new MemoryKube();
  let line: Line = "good";
  const log = logBook();
  const place = { namespace: "mail", name: "operator", identity: "only", clock, chance: () => 0.5, log };
  const election = new Election({ kube: over(kube, () => line), ...place });
  const terms: Term[] = [];
  const stop = new AbortController();
  const act = async (term: Term) => {
    terms.push(term);
    await aborted(term.signal);
  };
  const running = (async () => {
    while ((await election.run(stop.signal, act)) === "lost");
  })();
  await pass(clock, 1_000);
  line = "fails";
  await pass(clock, 14_000);
  line = "good";
  await pass(clock, 3_000);
  assert.equal(terms.length, 2);
  terms[1]?.assert();
  assert.throws(() => terms[0]?.assert(), NotLeader);
  stop.abort(new Error("stop"));
  await settled();
  await running;
});

test("a process that was frozen wakes up fenced", async () => {
  await using it = await pair();
  const term = it.first.term as Term;
  // Nothing of it runs, and time goes on: as when the process is stopped and continued.
  it.clock.advance(10_000);
  assert.throws(term.assert, NotLeader);
  assert.ok(!it.first.election.isLeader);
});

test("a leader whose lease somebody took or deleted stops at once", async () => {
  for (const rob of ["taken", "deleted"] as const) {
    await using it = await pair();
    const signal = AbortSignal.timeout(120_000);
    const robbery = { spec: { holderIdentity: "robber" } };
    if (rob === "taken") await it.kube.patch(kinds.Lease, "mail", "operator", robbery, signal);
    else await it.kube.delete(kinds.Lease, "mail", "operator", {}, signal);
    await pass(it.clock, 4_100);
    assert.equal(await it.first.ended, "lost");
    assert.equal(it.first.term, undefined);
  }
});

test("an annotation that somebody adds to the lease ends no term", async () => {
  await using it = await pair();
  const note = { metadata: { annotations: { a: "b" } } };
  await it.kube.patch(kinds.Lease, "mail", "operator", note, AbortSignal.timeout(120_000));
  await pass(it.clock, 30_000);
  assert.deepEqual([it.first.terms, it.first.term?.signal.aborted], [1, false]);
});

test("what the act throws comes out, and the lease is released", async () => {
  const kube = new MemoryKube();
  const log = logBook();
  const place = { namespace: "mail", name: "operator", identity: "one", chance: () => 0.5 };
  const election = new Election({ kube, ...place, clock: new FakeClock(), log });
  const run = election.run(new AbortController().signal, async () => {
    throw new Error("broken");
  });
  await assert.rejects(run, /broken/);
  const lease = await kube.get(kinds.Lease, "mail", "operator", AbortSignal.timeout(120_000));
  assert.equal((lease?.["spec"] as { holderIdentity?: string } | undefined)?.holderIdentity, "");
});

test("whatever the network does, two never may act at the same time", async () => {
  const line = fc.constantFrom<Line>("good", "good", "fails", "hangs", "lost");
  const phase = fc.record({
    lines: fc.array(line, { minLength: 3, maxLength: 3 }),
    seconds: fc.integer({ min: 1, max: 25 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(phase, { minLength: 1, maxLength: 8 }), async (phases) => {
      const clock = new FakeClock();
      const kube = new MemoryKube();
      const all = ["a", "b", "c"].map((name) => new Candidate(kube, clock, name));
      for (const { lines, seconds } of phases) {
        all.forEach((each, i) => {
          each.line = lines[i] ?? "good";
        });
        for (let at = 0; at < seconds * 1_000; at += 250) {
          clock.advance(250);
          const before = all.filter(({ election }) => election.isLeader).length;
          await settled();
          const leading = all.filter(({ election }) => election.isLeader).length;
          assert.ok(before <= 1 && leading <= 1, `${leading} leaders`);
        }
      }
      for (const each of all) {
        each.line = "good";
        each.stop.abort(new Error("over"));
      }
      await settled();
      await Promise.all(all.map(({ ended }) => ended));
    }),
    { numRuns: 25 },
  );
});
