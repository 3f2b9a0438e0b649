import assert from "node:assert/strict";
import { test } from "node:test";
import { draft } from "../../test/contract/queue.ts";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { JobClass, MessageId, PolicyName, Queued } from "../queue/job.ts";
import { type RecordsOf, readRecords } from "./job-records.ts";
import { JetStreamQueue } from "./queue.ts";
import { ensureQueueStreams } from "./streams.ts";

const calm = new AbortController().signal;
const layout = { shards: 2, partitions: 4 };

test("pages of records: each job, whatever changes meanwhile; by class, policy, message and what is in them", async (t) => {
  await using link = await linkTo(await startNats(t));
  await ensureQueueStreams(link, layout, { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 });
  const common = { link, clock: systemClock, log: silent, ...layout, bodyTtlSeconds: () => 3_600 };
  await using queue = new JetStreamQueue(common);
  await queue.start();
  const add = async (of: { class?: JobClass; policy?: string } = {}): Promise<MessageId> => {
    const message = queue.newId();
    const { policy = "shop/mail", class: cls = "relay" } = of;
    const job = draft({ message, policy: policy as PolicyName, class: cls });
    const octets = Buffer.from("x\r\n");
    await queue.accept({ jobs: [job], body: { kind: "inline", octets } }, calm);
    return message;
  };
  const ids: MessageId[] = [];
  for (let n = 0; n < 7; n++) ids.push(await add());
  const local = await add({ class: "local" });
  const other = await add({ policy: "team-a/x.y" });

  const page = (of: RecordsOf, after?: string, fits = (_: Queued) => true, namespace?: string) =>
    readRecords({ link, shards: layout.shards, namespace, log: silent }, of, { fits, after, limit: 2 });
  const all = async (of: RecordsOf, ...more: [fits?: (queued: Queued) => boolean, namespace?: string]) => {
    const found: MessageId[] = [];
    let after: string | undefined;
    do {
      const next = await page(of, after, ...more);
      assert.ok(next.found.length <= 2);
      found.push(...next.found.map(({ job }) => job.message));
      after = next.after;
    } while (after !== undefined);
    return found.sort();
  };
  assert.deepEqual(await all({}), [...ids, local, other].sort());
  assert.deepEqual(await all({ class: "local" }), [local]);
  assert.deepEqual(await all({ policy: "team-a/x.y" as PolicyName }), [other]);
  assert.deepEqual(await all({}, () => true, "shop"), [...ids, local].sort());
  assert.deepEqual(await all({ message: other }, () => true, "shop"), []);
  const [first = other] = ids;
  assert.deepEqual(await all({ message: first }), [first]);
  assert.deepEqual(await all({}, ({ job }) => job.message === first), [first]);

  // One that changes behind the first page comes at the end.
  const begun = await page({});
  const [changed] = begun.found;
  assert.ok(changed);
  const { key, revision, job } = changed;
  assert.equal("inline" in changed, false, "a page holds no text");
  const settled = { key, revision, next: { ...job, attempts: 1 }, also: [], inline: Buffer.from("x\r\n") };
  assert.notEqual(await queue.settle(settled, calm), "stale");
  let after = begun.after;
  const later: (typeof changed)[] = [];
  while (after !== undefined) {
    const next = await page({}, after);
    later.push(...next.found);
    after = next.after;
  }
  assert.equal(later.find((each) => each.key === key)?.job.attempts, 1);
  assert.equal(new Set([...begun.found, ...later].map((each) => each.key)).size, 9);
});
