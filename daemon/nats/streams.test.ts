/** Making streams on a real nats-server: once, and changed only in what somebody asked for. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { JetStreamManager } from "@nats-io/jetstream";
import { linkTo, startNats, type TestNats } from "../../test/harness/nats-server.ts";
import type { Link } from "./connect.ts";
import { ensure, ensureQueueStreams, requireJetStream } from "./streams.ts";

let nats: TestNats;
let link: Link;
before(async () => {
  nats = await startNats();
  link = await linkTo(nats);
});
after(async () => {
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

interface Config {
  readonly max_bytes: number;
  readonly num_replicas: number;
}

async function configOf(stream: string): Promise<Config> {
  const answer = await link.nc.request(`$JS.API.STREAM.INFO.${stream}`, "");
  return answer.json<{ config: Config }>().config;
}

const layout = { shards: 1, partitions: 16 };
const unsaid = { replicas: 0, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };

test("a server with JetStream is accepted", async () => {
  await requireJetStream(link);
});

test("bounds that nobody names are none when a stream is made, and stay as they are afterwards", async () => {
  await ensureQueueStreams(link, layout, unsaid);
  const made = await configOf("Q0");
  assert.deepEqual([made.max_bytes, made.num_replicas], [-1, 1]);
  await ensureQueueStreams(link, layout, { ...unsaid, queueBytes: 50 << 20 });
  assert.equal((await configOf("Q0")).max_bytes, 50 << 20);
  await ensureQueueStreams(link, layout, unsaid);
  assert.equal((await configOf("Q0")).max_bytes, 50 << 20, "a daemon that says nothing changes nothing");
});

test("the layout of an installation is that of its first daemon", async () => {
  assert.deepEqual(await ensureQueueStreams(link, { shards: 4, partitions: 8 }, unsaid), layout);
});

test("who gets no answer about a stream does not take it for missing", async () => {
  let isMade = false;
  const info = () => Promise.reject(new Error("timeout"));
  const add = async () => {
    isMade = true;
  };
  const away = { streams: { info, add } } as unknown as JetStreamManager;
  await assert.rejects(ensure(away, { name: "S", max_bytes: -1, num_replicas: 1 }), /timeout/);
  assert.equal(isMade, false);
});
