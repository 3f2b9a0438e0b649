/**
 * A message that must not be there twice, in a real queue: while it waits, when it has left, and when two try at once.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { draft, octetsOf } from "../../test/contract/queue.ts";
import { linkTo, startNats, type TestNats } from "../../test/harness/nats-server.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { newMessageId } from "../queue/ids.ts";
import type { Queued } from "../queue/job.ts";
import { QueueError } from "../queue/queue.ts";
import { acceptOnce } from "./accept-once.ts";
import type { Link } from "./connect.ts";
import { JetStreamQueue } from "./queue.ts";
import { ensureQueueStreams } from "./streams.ts";

let nats: TestNats;
let link: Link;
let queue: JetStreamQueue;
before(async () => {
  nats = await startNats();
  link = await linkTo(nats);
  const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };
  await ensureQueueStreams(link, { shards: 1, partitions: 16 }, sizes);
  const common = { link, clock: systemClock, log: silent, bodyTtlSeconds: () => 3_600 };
  queue = await new JetStreamQueue({ ...common, shards: 1, partitions: 16 }).start();
});
after(async () => {
  await queue[Symbol.asyncDispose]();
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

const signal = () => AbortSignal.timeout(60_000);
const accept = (message: ReturnType<typeof newMessageId>, octets: Buffer) =>
  acceptOnce(queue, message, [draft({ message })], octets, signal());

async function jobsOf(message: string): Promise<Queued[]> {
  const found: Queued[] = [];
  for await (const queued of queue.list(signal())) if (queued.job.message === message) found.push(queued);
  return found;
}

for (const size of [10, 300_000]) {
  test(`a message of ${size} octets is there once, and its first octets stay`, async () => {
    const message = newMessageId(Date.now());
    const octets = (mark: string) => Buffer.alloc(size, mark);
    await Promise.all([accept(message, octets("a")), accept(message, octets("a"))]);
    await accept(message, octets("b"));
    const jobs = await jobsOf(message);
    assert.equal(jobs.length, 1);
    const kept = await queue.read((jobs[0] as Queued).key, signal());
    assert.ok((await octetsOf(queue, kept as Queued, signal())) === octets("a").toString());
  });

  test(`a message of ${size} octets that has left does not come back`, async () => {
    const message = newMessageId(Date.now());
    await accept(message, Buffer.alloc(size, "a"));
    const [queued] = await jobsOf(message);
    assert.ok(queued);
    await queue.settle({ key: queued.key, revision: queued.revision, next: undefined, also: [] }, signal());
    await accept(message, Buffer.alloc(size, "a"));
    assert.deepEqual(await jobsOf(message), []);
  });
}

test("any other trouble of the queue is trouble", async () => {
  const broken = {
    openBody: queue.openBody.bind(queue),
    accept: () => Promise.reject(new QueueError({ code: 452, enhanced: "4.3.1", text: "full" })),
  };
  const message = newMessageId(Date.now());
  await assert.rejects(acceptOnce(broken, message, [draft({ message })], Buffer.from("x"), signal()), /full/);
});
