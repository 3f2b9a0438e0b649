/** The queue as people see it where some of it has no owner, on a real nats-server. */
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { draft, inline } from "../../test/contract/queue.ts";
import { directoryOf } from "../../test/harness/directory.ts";
import { linkTo, startNats, type TestNats } from "../../test/harness/nats-server.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { Domain } from "../mail/address.ts";
import type { Link } from "../nats/connect.ts";
import { answerInquiries } from "../nats/inquiries.ts";
import { JetStreamQueue } from "../nats/queue.ts";
import { ensureQueueStreams } from "../nats/streams.ts";
import type { Groups } from "../queue/inquiry.ts";
import type { PolicyName } from "../queue/job.ts";
import { carryOut, previewOf, TooMany } from "./job-orders.ts";
import { QueueIndex } from "./queue-index.ts";

const layout = { shards: 2, partitions: 4 };
const bulk = "team/bulk" as PolicyName;
const other = "team/other" as PolicyName;
const directory = directoryOf({ policies: { "team/bulk": {}, "team/other": {} } });
const signal = AbortSignal.timeout(60_000);
let nats: TestNats;
let link: Link;
let queue: JetStreamQueue;
let index: QueueIndex;

before(async () => {
  nats = await startNats(undefined, { sync: "10s" });
  link = await linkTo(nats);
  await ensureQueueStreams(link, layout, { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 });
  const common = { link, clock: systemClock, log: silent, ...layout };
  queue = await new JetStreamQueue({ ...common, bodyTtlSeconds: () => 86_400 }).start();
  const isPaused = () => false;
  index = new QueueIndex({
    link,
    ...layout,
    directory: () => directory,
    isPaused,
    now: Date.now,
    log: silent,
  });
  const later = Date.now() + 3_600_000;
  const waiting = { policy: bulk, attempts: 1, nextAttempt: later } as const;
  for (const destination of ["one.example", "one.example", "two.example"] as const)
    await queue.accept(
      { jobs: [draft({ ...waiting, destination: destination as Domain })], body: inline("text") },
      signal,
    );
  const held = draft({ ...waiting, destination: "two.example" as Domain, held: { since: 1 } });
  await queue.accept({ jobs: [held], body: inline("text") }, signal);
});
after(async () => {
  await queue[Symbol.asyncDispose]();
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

test("while nobody owns the jobs of a policy they are read from the stream", async () => {
  const { total, groups, missing, unread } = await index.groups({}, 10, signal);
  assert.deepEqual([total.jobs, total.deferred, total.held], [4, 3, 1]);
  assert.deepEqual(
    groups.map(({ destination, jobs }) => [destination, jobs]),
    [
      ["one.example", 2],
      ["two.example", 2],
    ],
  );
  assert.deepEqual([missing, unread], [[], []]);
  const page = await index.page({ destination: "one.*" }, { order: "key", limit: 1 }, signal);
  assert.deepEqual([page.jobs.length, page.matching], [1, 2]);
});

/** Somebody who owns the jobs of this policy in these partitions, and says that there are so many. */
function owning(t: TestContext, policy: PolicyName, partitions: readonly number[], jobs: number): void {
  const zero = { ready: 0, deferred: jobs, held: 0, paused: 0, active: 0, oldestReadyMs: 0 };
  const answer: Groups = { total: { jobs, ...zero }, groups: [], more: 0 };
  const answering = answerInquiries({
    link,
    pool: { class: "relay", policy },
    member: `of ${policy}`,
    partitions: () => partitions,
    answer: async () => answer,
    log: silent,
  });
  t.after(() => answering[Symbol.dispose]());
}

test("owners are believed, and what they do not hold is added or named", async (t) => {
  owning(t, other, [0, 1, 2, 3], 100);
  const added = await index.groups({}, 10, signal);
  assert.deepEqual([added.total.jobs, added.unread], [104, []]);
  owning(t, bulk, [0, 1], 7);
  const partly = await index.groups({}, 10, signal);
  assert.deepEqual([partly.total.jobs, partly.unread], [107, ["team/bulk"]]);
});

test("orders go by pages, touch no more than was allowed, and meet every job once", async () => {
  const wanted = { of: { policy: bulk, state: "deferred" as const }, patterns: {} };
  const reading = { queue, index };
  const preview = await previewOf(reading, wanted, signal);
  assert.deepEqual([preview.matching, preview.exact], [3, true]);
  const told: string[] = [];
  const steering = {
    queue,
    now: Date.now,
    record: ({ kind }: { readonly kind: string }) => void told.push(kind),
  };
  const order = { action: "hold", choice: wanted, limit: 2 } as const;
  await assert.rejects(carryOut(reading, steering, { ...order, atMost: 2 }, signal), TooMany);
  assert.deepEqual(told, []);
  const first = await carryOut(reading, steering, { ...order, atMost: 3 }, signal);
  assert.equal(first.changed, 2);
  const rest = await carryOut(reading, steering, { ...order, atMost: 3, after: first.after }, signal);
  assert.deepEqual([rest.changed, rest.after], [1, undefined]);
  assert.deepEqual(told, ["held", "held", "held"]);
  assert.equal((await index.groups({ state: "held" }, 10, signal)).total.jobs, 4);
});

test("patterns over records are looked for, and said to be exact or not", async () => {
  const wanted = { of: {}, patterns: { recipient: "bob@*", reason: "" } };
  const preview = await previewOf({ queue, index }, wanted, signal);
  assert.deepEqual([preview.matching, preview.exact], [4, true]);
  const none = await previewOf({ queue, index }, { of: {}, patterns: { sender: "nobody@*" } }, signal);
  assert.equal(none.matching, 0);
});
