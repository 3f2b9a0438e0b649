/** The dispatcher and an operator's orders: hold, release, bounce, retry. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { delivered, quick, refused, setup, Ways } from "../../test/harness/dispatching.ts";
import { untilTrue } from "../../test/harness/until.ts";
import type { Outcome } from "../mail/outcome.ts";

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
