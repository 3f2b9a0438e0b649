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
import type { Domain } from "../mail/address.ts";
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

test("a job that is not due waits; a held one waits until it is released", quick, async (t) => {
  const { queue, finished, accept, until } = await setup(t);
  const due = Date.now() + 80;
  const later = await accept({ nextAttempt: due });
  const held = await accept({ held: { since: 1 } });
  await until(() => finished.length === 1);
  assert.ok(Date.now() >= due);
  assert.equal(finished[0]?.queued.job.message, later.message);
  for await (const { key, revision, job } of queue.list()) {
    const { held: _, ...released } = job;
    await queue.settle({ key, revision, next: released, also: [] });
  }
  await until(() => finished.length === 2);
  assert.equal(finished[1]?.queued.job.message, held.message);
});

test("a held job whose lifetime is over is settled without an attempt", quick, async (t) => {
  const { ways, finished, accept, until } = await setup(t, { expiresAt: (job) => job.queuedAt + 50 });
  await accept({ held: { since: 1 } });
  await until(() => finished.length === 1);
  assert.equal(ways.carried.length, 0);
  assert.match(finished[0]?.outcomes[0]?.reply.text ?? "", /held/);
});

test("an order to bounce needs no connection", quick, async (t) => {
  const { ways, finished, accept, until } = await setup(t);
  await accept({ nextAttempt: Date.now() + 60_000, order: { kind: "bounce", reason: "sent by mistake" } });
  await until(() => finished.length === 1);
  assert.equal(ways.carried.length, 0);
  assert.equal(finished[0]?.outcomes[0]?.kind, "failed");
  assert.equal(finished[0]?.outcomes[0]?.reply.text, "sent by mistake");
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

test("a paused policy's jobs stay where they are, unread, and leave when it goes on", quick, async (t) => {
  let paused = true;
  const { queue, ways, finished, dispatcher, accept, until } = await setup(t, {
    paused: ({ policy }) => paused && policy === "ns/paused",
    pauseLookMs: 20,
  });
  let reads = 0;
  const read = queue.read.bind(queue);
  queue.read = (key) => {
    reads++;
    return read(key);
  };
  for (let i = 0; i < 5; i++) await accept({ policy: "ns/paused" as PolicyName });
  await accept();
  await until(() => finished.length === 1);
  await systemClock.sleep(50);
  assert.deepEqual([ways.carried.length, reads, dispatcher.stats(Date.now()).jobs], [1, 0, 5]);
  paused = false;
  await until(() => finished.length === 6);
});

test("a paused job whose lifetime is over is settled without an attempt", quick, async (t) => {
  const { ways, finished, accept, until } = await setup(t, {
    paused: () => true,
    expiresAt: (job) => job.queuedAt - 2_000,
  });
  await accept();
  await until(() => finished.length === 1);
  assert.equal(ways.carried.length, 0);
  assert.match(finished[0]?.outcomes[0]?.reply.text ?? "", /paused/);
});

test(
  "a suspended site gets nothing, not even what was in line for it, until it goes on",
  quick,
  async (t) => {
    const ways = new Ways();
    const first = Promise.withResolvers<readonly Outcome[]>();
    ways.carry = () => (ways.carried.length === 1 ? first.promise : Promise.resolve([delivered]));
    const { finished, dispatcher, accept, until } = await setup(t, { pauseLookMs: 20 }, ways);
    for (let i = 0; i < 3; i++) await accept();
    await untilTrue("one is on its way", () => ways.carried.length === 1);
    const gate = ways.gates.get("example.org");
    assert.ok(gate);
    gate.suspended = true;
    await accept();
    await accept(destination("other.example"));
    first.resolve([delivered]);
    await until(() => finished.length === 2);
    const target = { class: "relay", policy, destination: "example.org" as Domain } as const;
    await untilTrue("what was in line waits outside", () => dispatcher.isKeptBack(target));
    assert.deepEqual([ways.carried.length, dispatcher.stats(Date.now()).jobs], [2, 3]);
    gate.suspended = false;
    await until(() => finished.length === 5);
    assert.equal(dispatcher.isKeptBack(target), false);
  },
);

test("what is kept back for a suspended site goes elsewhere when its route changes", quick, async (t) => {
  const ways = new Ways();
  const { finished, dispatcher, accept, until } = await setup(t, { pauseLookMs: 20 }, ways);
  const gate = new CountingGate(1);
  gate.suspended = true;
  ways.gates.set("example.org", gate);
  for (let i = 0; i < 3; i++) await accept();
  const target = { class: "relay", policy, destination: "example.org" as Domain } as const;
  await untilTrue("they wait outside", () => dispatcher.isKeptBack(target));
  ways.moved.set("example.org", "other.example");
  await until(() => finished.length === 3);
  assert.deepEqual(ways.opened, ["other.example"]);
  assert.ok(finished.every(({ outcomes }) => outcomes[0]?.kind === "delivered"));
});

test("what was kept back and has another time by its record is no longer kept back", quick, async (t) => {
  const ways = new Ways();
  const { queue, dispatcher, accept } = await setup(t, { pauseLookMs: 20 }, ways);
  const gate = new CountingGate(1);
  gate.suspended = true;
  ways.gates.set("example.org", gate);
  await accept();
  const target = { class: "relay", policy, destination: "example.org" as Domain } as const;
  await untilTrue("it waits outside", () => dispatcher.isKeptBack(target));
  const later = Date.now() + 3_600_000;
  for await (const { key, revision, job } of queue.list())
    await queue.settle({ key, revision, next: { ...job, attempts: 1, nextAttempt: later }, also: [] });
  await untilTrue("it waits for its time", () => !dispatcher.isKeptBack(target));
  assert.equal(dispatcher.stats(Date.now()).deferred, 1);
});

test("what is for a suspended site expires there without an attempt", quick, async (t) => {
  const ways = new Ways();
  const { finished, accept, until } = await setup(t, { expiresAt: (job) => job.queuedAt - 2_000 }, ways);
  const gate = new CountingGate(1);
  gate.suspended = true;
  ways.gates.set("example.org", gate);
  await accept();
  await until(() => finished.length === 1);
  assert.equal(ways.carried.length, 0);
  assert.match(finished[0]?.outcomes[0]?.reply.text ?? "", /suspended delivery to this site/);
});

test("an order to bounce is carried out while the policy is paused", quick, async (t) => {
  const { finished, accept, until } = await setup(t, { paused: () => true });
  await accept({ order: { kind: "bounce", reason: "" } });
  await until(() => finished.length === 1);
  assert.equal(finished[0]?.outcomes[0]?.kind, "failed");
});

test("an order to bounce does not wait for its turn in a line", quick, async (t) => {
  const ways = new Ways();
  const hang = Promise.withResolvers<readonly Outcome[]>();
  ways.carry = () => hang.promise;
  const { queue, finished, accept, until } = await setup(t, {}, ways);
  const jobs = [await accept(), await accept(), await accept()];
  await untilTrue("the first is on its way", () => ways.carried.length === 1);
  for await (const { key, revision, job } of queue.list()) {
    if (job.message !== jobs[2]?.message) continue;
    const next = { ...job, order: { kind: "bounce", reason: "" } } as const;
    await queue.settle({ key, revision, next, also: [] });
  }
  await until(() => finished.length === 1);
  assert.equal(finished[0]?.queued.job.message, jobs[2]?.message);
  hang.resolve([delivered]);
  await until(() => finished.length === 3);
});

test("what an operator wants retried is tried in a back-off, and by one connection", quick, async (t) => {
  const ways = new Ways();
  ways.pauses = true;
  ways.open = async () => refused;
  const { queue, finished, accept, until } = await setup(t, {}, ways);
  for (let i = 0; i < 3; i++) await accept();
  await until(() => finished.length === 3);
  assert.equal(ways.opened.length, 1);
  ways.open = async (name) => ({ kind: "open", carrier: ways.carrier(name) });
  for await (const { key, revision, job } of queue.list())
    await queue.settle({ key, revision, next: { ...job, nextAttempt: 0, urgent: true }, also: [] });
  await until(() => finished.length === 6);
  assert.equal(ways.opened.length, 2);
  assert.ok(finished.slice(3).every(({ outcomes }) => outcomes[0]?.kind === "delivered"));
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
    for (let i = 0; i < 300; i++) crowd.push(await accept({ attempts: 1, nextAttempt: Date.now() - 1_000 }));
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
