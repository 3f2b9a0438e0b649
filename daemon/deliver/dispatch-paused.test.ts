/** The dispatcher while a policy is paused or a site suspended: what waits, what goes elsewhere, what ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { policy } from "../../test/contract/queue.ts";
import { CountingGate, delivered, destination, quick, setup, Ways } from "../../test/harness/dispatching.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import type { Domain } from "../mail/address.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { PolicyName } from "../queue/job.ts";

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
