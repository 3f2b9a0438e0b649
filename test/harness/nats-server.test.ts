import assert from "node:assert/strict";
import { test } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { startNats, type TestNats } from "./nats-server.ts";

const dial = (nats: TestNats): Promise<NatsConnection> =>
  connect({
    servers: nats.url,
    user: nats.user,
    pass: nats.password,
    timeout: 60_000,
    maxReconnectAttempts: 0,
  });

async function withStream(nats: TestNats): Promise<void> {
  const nc = await dial(nats);
  await (await jetstreamManager(nc)).streams.add({ name: "S", subjects: ["s.>"] });
  await jetstream(nc).publish("s.one", "kept");
  await nc.close();
}

async function stored(nats: TestNats): Promise<number> {
  const nc = await dial(nats);
  const { state } = await (await jetstreamManager(nc)).streams.info("S");
  await nc.close();
  return state.messages;
}

test("what was acknowledged survives a restart and a kill", async (t) => {
  const nats = await startNats(t);
  await withStream(nats);
  const { url, pid } = nats;
  await nats.restart();
  assert.equal(nats.url, url);
  assert.notEqual(nats.pid, pid);
  assert.equal(await stored(nats), 1);
  await nats.kill9();
  await assert.rejects(dial(nats));
  await nats.restart();
  assert.equal(await stored(nats), 1);
});

test("a frozen server answers nothing, a thawed one goes on", async () => {
  await using nats = await startNats();
  const nc = await dial(nats);
  nats.freeze();
  await assert.rejects(nc.request("$JS.API.INFO", "", { timeout: 300 }));
  nats.thaw();
  assert.ok((await nc.request("$JS.API.INFO", "", { timeout: 60_000 })).data.length > 0);
  await nc.close();
});

test("disposal ends the process", async () => {
  const nats = await startNats();
  const { pid } = nats;
  await nats[Symbol.asyncDispose]();
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
});
