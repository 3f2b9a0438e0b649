/** The dispatcher over the memory queue, with ways out that the test scripts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { policy } from "../../test/contract/queue.ts";
import {
  CountingGate,
  delivered,
  destination,
  quick,
  refused,
  setup,
  Ways,
} from "../../test/harness/dispatching.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { PolicyName } from "../queue/job.ts";
import type { Way } from "./carrier.ts";

test("jobs for one site share one connection, and are gone when they are delivered", quick, async (t) => {
  const { ways, finished, dispatcher, accept, until } = await setup(t);
  for (let i = 0; i < 20; i++) await accept();
  await until(() => finished.length === 20);
  assert.deepEqual(ways.opened, ["example.org"]);
  assert.equal(dispatcher.stats(Date.now()).jobs, 0);
  assert.equal(ways.lookUps <= 20, true);
});

test("no more connections than the site allows, and as many when there is work", quick, async (t) => {
  const ways = new Ways();
  ways.max = 3;
  ways.carry = async (queued) => {
    await systemClock.sleep(5);
    return queued.job.recipients.map(() => delivered);
  };
  const { finished, accept, until } = await setup(t, {}, ways);
  for (let i = 0; i < 30; i++) await accept();
  await until(() => finished.length === 30);
  assert.equal(ways.gates.get("example.org")?.most, 3);
});

test(
  "a dead site costs one connection attempt, and everything that waits for it is deferred",
  quick,
  async (t) => {
    const ways = new Ways();
    ways.pauses = true;
    ways.open = async () => refused;
    const { finished, dispatcher, accept, until } = await setup(t, {}, ways);
    for (let i = 0; i < 50; i++) await accept();
    await until(() => finished.length === 50);
    assert.equal(ways.opened.length, 1);
    assert.ok(finished.every(({ outcomes }) => outcomes[0]?.kind === "deferred"));
    assert.equal(dispatcher.stats(Date.now()).jobs, 50);
  },
);

test("a site that hangs does not hold up another", quick, async (t) => {
  const ways = new Ways();
  const hang = Promise.withResolvers<readonly Outcome[]>();
  ways.carry = (queued) =>
    queued.job.destination === "slow.example" ? hang.promise : Promise.resolve([delivered]);
  const { finished, accept, until } = await setup(t, {}, ways);
  for (let i = 0; i < 20; i++) await accept(destination("slow.example"));
  await accept(destination("quick.example"));
  await until(() => finished.length === 1);
  assert.equal(finished[0]?.queued.job.destination, "quick.example");
  hang.resolve([delivered]);
  await until(() => finished.length === 21);
});

test("a connection that turns out to be stale is replaced, and the job is not deferred", quick, async (t) => {
  const ways = new Ways();
  let times = 0;
  ways.carry = async () => (++times === 2 ? "stale" : [delivered]);
  const { finished, accept, until } = await setup(t, {}, ways);
  await accept();
  await until(() => finished.length === 1);
  await accept();
  await until(() => finished.length === 2);
  assert.equal(ways.opened.length, 2);
  assert.deepEqual(finished[1]?.outcomes, [delivered]);
});

test("nothing starts near the end of the lease; it goes on when the lease is renewed", quick, async (t) => {
  let held = false;
  const { ways, finished, accept, until } = await setup(t, { mayStart: () => held });
  await accept();
  await systemClock.sleep(50);
  assert.equal(ways.carried.length, 0);
  held = true;
  await until(() => finished.length === 1);
});

test("of a dead site's many jobs only so many are in memory at once", quick, async (t) => {
  const ways = new Ways();
  ways.pauses = true;
  ways.open = async () => refused;
  const { queue, finished, accept, until } = await setup(t, { maxFresh: 0 }, ways);
  let now = 0;
  let most = 0;
  const read = queue.read.bind(queue);
  queue.read = async (key) => {
    most = Math.max(most, ++now);
    await systemClock.sleep(1);
    now--;
    return read(key);
  };
  for (let i = 0; i < 1_000; i++) await accept();
  await until(() => finished.length === 1_000);
  assert.ok(most > 1 && most <= 256, `${most} at once`);
});

test(
  "neither an order nor what was never tried stands behind a crowd that is put off without a try",
  quick,
  async (t) => {
    const ways = new Ways();
    ways.pauses = true;
    ways.open = async () => refused;
    const { queue, finished, accept, until } = await setup(t, { maxFresh: 0 }, ways);
    const read = queue.read.bind(queue);
    const later = Promise.withResolvers<void>();
    let reading = 0;
    queue.read = async (key) => {
      const found = await read(key);
      if (found?.job.attempts === 0 || found?.job.order) return found;
      reading++;
      await later.promise;
      return found;
    };
    const crowd = [];
    const due = Date.now() - 10_000; // each a little later than the one before: the last one's turn is the last
    for (let i = 0; i < 300; i++) crowd.push(await accept({ attempts: 1, nextAttempt: due + i }));
    await untilTrue("as many as may are under way", () => reading === 256);
    const fresh = await accept();
    await until(() => finished.length === 1);
    assert.equal(finished[0]?.queued.job.message, fresh.message);
    const last = crowd.at(-1)?.message;
    for await (const { key, revision, job } of queue.list())
      if (job.message === last)
        await queue.settle({
          key,
          revision,
          next: { ...job, order: { kind: "bounce", reason: "" } },
          also: [],
        });
    await until(() => finished.length === 2);
    assert.equal(finished[1]?.queued.job.message, last);
    later.resolve();
    await until(() => finished.length === 301);
  },
);

test("what has waited for its way takes it in portions, so that others have their turn", quick, async (t) => {
  const ways = new Ways();
  const gate = new CountingGate(1);
  gate.stuck = true;
  const way = Promise.withResolvers<Way>();
  ways.find = () => {
    ways.lookUps++;
    return way.promise;
  };
  const { dispatcher, accept } = await setup(t, {}, ways);
  for (let i = 0; i < 2_500; i++) await accept();
  const due = () => dispatcher.stats(Date.now()).due;
  await untilTrue("all wait for the way", () => due() === 0);
  const never = () => new Promise<never>(() => {});
  way.resolve({ kind: "lane", lane: "a site", gate, open: never });
  for (let n = 0; n < 5; n++) await Promise.resolve();
  assert.equal(due(), 1_000);
  await untilTrue("all are in line", () => due() === 2_500);
  assert.equal(ways.lookUps, 1);
});

test("slow sites cannot take every worker: a lane without any finds one", quick, async (t) => {
  const ways = new Ways();
  ways.max = 20;
  const hang = Promise.withResolvers<readonly Outcome[]>();
  ways.carry = ({ job }) =>
    job.destination === "slow.example" ? hang.promise : Promise.resolve([delivered]);
  const { finished, accept, until } = await setup(t, { maxWorkers: 5 }, ways);
  for (let i = 0; i < 20; i++) await accept(destination("slow.example"));
  await untilTrue("all but one are busy", () => ways.carried.length === 4);
  await accept(destination("quick.example"));
  await until(() => finished.length === 1);
  assert.equal(finished[0]?.queued.job.destination, "quick.example");
  assert.equal(ways.gates.get("slow.example")?.most, 4);
  hang.resolve([delivered]);
  await until(() => finished.length === 21);
});

test("a fresh job from a gateway whose clock is ahead is tried at once", quick, async (t) => {
  const { finished, accept, until } = await setup(t);
  const queuedAt = Date.now() + 3_600_000;
  await accept({ queuedAt, nextAttempt: queuedAt });
  await until(() => finished.length === 1);
  assert.equal(finished[0]?.outcomes[0]?.kind, "delivered");
});

test("what is lost is not started, and a hand-over waits for what is under way", quick, async (t) => {
  const ways = new Ways();
  const hang = Promise.withResolvers<readonly Outcome[]>();
  const begun = Promise.withResolvers<void>();
  ways.carry = () => {
    begun.resolve();
    return hang.promise;
  };
  const { dispatcher, accept } = await setup(t, {}, ways);
  for (let i = 0; i < 5; i++) await accept();
  await begun.promise;
  dispatcher.lost([0]);
  let idle = false;
  const handed = dispatcher.idle([0]).then(() => {
    idle = true;
  });
  await systemClock.sleep(20);
  assert.equal(idle, false);
  hang.resolve([delivered]);
  await handed;
  assert.equal(ways.carried.length, 1);
});

test("a fault of ours puts the job back and keeps the others going", quick, async (t) => {
  const ways = new Ways();
  let first = true;
  ways.carry = async () => {
    if (!first) return [delivered];
    first = false;
    throw new Error("a bug");
  };
  const { finished, dispatcher, accept, until } = await setup(t, {}, ways);
  await accept();
  await accept();
  await until(() => finished.length === 1);
  assert.equal(dispatcher.stats(Date.now()).jobs, 1);
});

test("figures are told of one policy, and count what waits in line for a connection", quick, async (t) => {
  const ways = new Ways();
  const busy = Promise.withResolvers<void>();
  ways.carry = async ({ job }) => {
    await busy.promise;
    return job.recipients.map(() => delivered);
  };
  const { dispatcher, accept, finished, until } = await setup(t, {}, ways);
  const other = "ns/other" as PolicyName;
  const queuedAt = Date.now() - 60_000;
  for (let i = 0; i < 4; i++) await accept({ queuedAt, nextAttempt: queuedAt });
  await accept({ policy: other, nextAttempt: Date.now() + 60_000 });
  await untilTrue("one is on its way", () => ways.carried.length === 1);
  const { due, deferred, oldestDue, workers } = dispatcher.stats(Date.now(), policy);
  assert.deepEqual([due, deferred, oldestDue, workers], [3, 0, queuedAt, 1]);
  assert.deepEqual(dispatcher.stats(Date.now(), other).deferred, 1);
  busy.resolve();
  await until(() => finished.length === 4);
});
