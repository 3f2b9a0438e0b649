/** Workers of the dispatcher and sites that ask for less; recipients that get nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { delivered, destination, quick, setup, Ways } from "../../test/harness/dispatching.ts";
import { untilTrue } from "../../test/harness/until.ts";
import type { Address } from "../mail/address.ts";
import type { Outcome } from "../mail/outcome.ts";
import { reply } from "../mail/reply.ts";

const limited: Outcome = {
  kind: "deferred",
  reply: reply(450, "4.7.1", "Rate limited"),
  remote: { name: "mx.example.org" },
};

test(
  "what waits for a site that asked for less stays in line, untried, and goes when it may",
  quick,
  async (t) => {
    const ways = new Ways();
    ways.carry = async () => [ways.carried.length === 1 ? limited : delivered];
    const { finished, accept, until } = await setup(t, {}, ways);
    for (let i = 0; i < 20; i++) await accept();
    await until(() => finished.length === 20);
    assert.equal(ways.carried.length, 20, "each was tried once");
    assert.deepEqual(
      finished.map(({ outcomes }) => outcomes[0]?.kind).filter((kind) => kind === "deferred"),
      ["deferred"],
    );
    assert.equal(ways.gates.get("example.org")?.asks.length, 1);
  },
);

test(
  "a site that asks to be left alone for long has what waits for it deferred, without a try",
  quick,
  async (t) => {
    const ways = new Ways();
    const long = { ...limited, reply: reply(450, "4.7.1", "Rate limited, try again in 1 hour") };
    ways.carry = async () => [long];
    const { finished, accept, until } = await setup(t, {}, ways);
    for (let i = 0; i < 20; i++) await accept();
    await until(() => finished.length === 20);
    assert.equal(ways.carried.length, 1);
    const times = finished.map(({ outcomes: [one] }) => one?.kind === "deferred" && (one.notBefore ?? 0));
    assert.ok(times.every((at) => at !== false && at > Date.now() + 3_500_000));
  },
);

const onList: Outcome = { kind: "failed", reply: reply(550, "5.7.1", "on the list"), bounce: "suppressed" };

test(
  "who is on the suppression list costs no connection; others of the job are carried alone",
  quick,
  async (t) => {
    const ways = new Ways();
    const bad = "bad@example.org" as Address;
    const good = { address: "good@example.org" as Address };
    const { finished, accept, until } = await setup(
      t,
      {
        suppressed: ({ recipients }) =>
          recipients.some(({ address }) => address === bad)
            ? recipients.map(({ address }) => (address === bad ? onList : undefined))
            : undefined,
      },
      ways,
    );
    await accept({ recipients: [{ address: bad }] });
    await until(() => finished.length === 1);
    assert.deepEqual([ways.opened.length, finished[0]?.outcomes], [0, [onList]]);
    await accept({ recipients: [{ address: bad }, good] });
    await until(() => finished.length === 2);
    assert.deepEqual(
      ways.carried.map(({ job }) => job.recipients),
      [[good]],
    );
    assert.deepEqual(finished[1]?.outcomes, [onList, delivered]);
    assert.equal(finished[1]?.queued.job.recipients.length, 2);
  },
);

test(
  "what waits in line for long at a site that is sent less is deferred; what came later stays",
  quick,
  async (t) => {
    const ways = new Ways();
    ways.carry = async () => {
      const gate = ways.gates.get("example.org");
      if (gate) gate.stuck = true;
      return [limited];
    };
    const { finished, dispatcher, accept, until } = await setup(t, {}, ways);
    const queuedAt = Date.now() - 20 * 60_000;
    for (let i = 0; i < 5; i++) await accept({ queuedAt, nextAttempt: queuedAt });
    for (let i = 0; i < 3; i++) await accept();
    await until(() => finished.length === 5);
    assert.equal(ways.carried.length, 1);
    assert.deepEqual(
      finished.map(({ queued }) => queued.job.queuedAt),
      Array.from({ length: 5 }, () => queuedAt),
    );
    assert.equal(dispatcher.stats(Date.now()).due, 3);
  },
);

test("a lane that was folded while it waited for a worker leaves its successor alone", quick, async (t) => {
  const ways = new Ways();
  const busy = Promise.withResolvers<void>();
  const hang = Promise.withResolvers<void>();
  ways.carry = async ({ job }) => {
    await (job.destination === "busy.example" ? busy.promise : hang.promise);
    return [delivered];
  };
  const { dispatcher, finished, accept, until } = await setup(t, { maxWorkers: 1, lingerMs: 1 }, ways);
  const lanes = () => dispatcher.stats(Date.now()).lanes;
  await accept(destination("busy.example"));
  await untilTrue("the only worker is taken", () => ways.carried.length === 1);
  await accept();
  await untilTrue("a lane waits for one", () => lanes() === 2);
  const gate = ways.gates.get("example.org") ?? assert.fail("no gate");
  gate.quietUntil = Date.now() + 3_600_000;
  await accept();
  await until(() => finished.length === 2);
  assert.equal(lanes(), 1, "what was in it was deferred");
  gate.quietUntil = undefined;
  await accept();
  await untilTrue("another lane has its name", () => lanes() === 2);
  busy.resolve();
  await untilTrue("its job is carried", () => ways.carried.length === 2);
  await untilTrue("the busy one is folded", () => lanes() === 1);
  await accept();
  await untilTrue("it stands in line for the same connection", () => dispatcher.stats(Date.now()).due === 1);
  assert.equal(lanes(), 1, "the lane that is served is the one that is known");
  hang.resolve();
  await until(() => finished.length === 5);
});
