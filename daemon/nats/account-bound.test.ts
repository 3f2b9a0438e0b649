/** A queue on a nats-server that bounds nothing but the account, as the chart's does: mail is refused while there is room for endings. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { draft } from "../../test/contract/queue.ts";
import { startNats } from "../../test/harness/nats-server.ts";
import { patient } from "../../test/harness/patient.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { connectNats } from "./connect.ts";
import { JetStreamQueue } from "./queue.ts";
import { ensureQueueStreams } from "./streams.ts";
import { authConf, makeAuthority, mintCreds } from "./users/authority.ts";

const bound = 64 << 20;
const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 1 << 20, ownerBytes: 1 << 20 };
const layout = { shards: 1, partitions: 4 };
const signal = AbortSignal.timeout(60_000);

test("a store that is nearly full by the account's limit takes no new mail; what is queued ends, and there is room again", async (t) => {
  const authority = makeAuthority();
  const auth = await authConf(authority, { storeOctets: bound });
  const nats = await startNats(t, { auth, maxStoreBytes: bound, sync: "10s" });
  const credential = { kind: "credsText", text: await mintCreds(authority, { kind: "shared" }) } as const;
  await using link = patient(await connectNats({ servers: [nats.url], credential, name: "test" }, silent));
  await ensureQueueStreams(link, layout, sizes);
  const common = { link, clock: systemClock, log: silent, ...layout, bodyTtlSeconds: () => 3_600 };
  await using queue = await new JetStreamQueue(common).start();
  assert.equal(queue.admission().open, true);
  for (let i = 0; i < 13; i++) {
    const message = queue.newId();
    const writer = queue.openBody(message, signal);
    for (let piece = 0; piece < 16; piece++) await writer.write(Buffer.alloc(256 << 10, "x"));
    await queue.accept({ jobs: [draft({ message })], body: await writer.finish() }, signal);
  }
  await untilTrue("new mail to be refused", () => queue.closed === "full");
  const { bytes = 0, limit } = queue.levels.get("store") ?? {};
  assert.equal(limit, bound);
  assert.ok(bytes > 0.8 * bound && bytes < bound, `${bytes} octets`);
  for await (const { key, revision, job } of queue.list(signal)) {
    await queue.settle({ key, revision, next: undefined, also: [] }, signal);
    queue.forget(key, job);
  }
  await untilTrue("new mail to be taken again", () => queue.admission().open);
});
