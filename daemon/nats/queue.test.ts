import { after, before } from "node:test";
import { queueContract } from "../../test/contract/queue.ts";
import { startNats, type TestNats } from "../../test/harness/nats-server.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { connectNats, type Link } from "./connect.ts";
import { JetStreamQueue } from "./queue.ts";
import { ensureQueueStreams } from "./streams.ts";

let nats: TestNats;
let link: Link;
before(async () => {
  nats = await startNats();
  const { url, user, password } = nats;
  link = await connectNats(
    { servers: [url], credential: { kind: "password", user, password }, name: "test" },
    silent,
  );
});
after(async () => {
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };

queueContract("JetStream", async () => {
  for (const stream of ["Q0", "B0", "OWN"])
    await link.nc.request(`$JS.API.STREAM.DELETE.${stream}`, "", { timeout: 5_000 });
  await ensureQueueStreams(link, { shards: 1, partitions: 16 }, sizes);
  const options = {
    link,
    clock: systemClock,
    log: silent,
    shards: 1,
    partitions: 16,
    bodyTtlSeconds: () => 3_600,
  };
  return new JetStreamQueue(options).start();
});
