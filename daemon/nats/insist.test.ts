import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { errors } from "@nats-io/transport-node";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { StoreFault } from "./fault.ts";
import { insist } from "./insist.ts";
import { ensureQueueStreams } from "./streams.ts";

const nats = await startNats();
after(() => nats[Symbol.asyncDispose]());

for (const [name, silence] of [
  ["a question without an answer", new errors.TimeoutError()],
  ["a store that is away", new StoreFault("away", "no answer")],
] as const)
  test(`${name} is asked again, and not for ever`, async () => {
    let tries = 0;
    const answeredAt = (last: number) => async () => {
      if (++tries < last) throw silence;
      return tries;
    };
    assert.equal(await insist(answeredAt(3)), 3);
    tries = 0;
    await assert.rejects(insist(answeredAt(99)), silence);
    assert.equal(tries, 3);
  });

test("an answer that is no is an answer", async () => {
  let tries = 0;
  const refused = new StoreFault("full", "no room");
  const ask = async () => {
    tries++;
    throw refused;
  };
  await assert.rejects(insist(ask), refused);
  assert.equal(tries, 1);
});

test("streams are made by a server that stands still for a while", async () => {
  await using link = await linkTo(nats);
  const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };
  nats.freeze();
  const making = ensureQueueStreams(link, { shards: 1, partitions: 4 }, sizes);
  await delay(6_000); // longer than the shortest of its questions waits
  nats.thaw();
  assert.deepEqual(await making, { shards: 1, partitions: 4 });
});
