/** Figures by question and answer, and from the stream, on a real nats-server. */
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { draft, inline } from "../../test/contract/queue.ts";
import { linkTo, startNats, type TestNats } from "../../test/harness/nats-server.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { PolicyName } from "../queue/job.ts";
import type { Link } from "./connect.ts";
import { answerFigures, askFigures, type Counted, dueAt } from "./figures.ts";
import { JetStreamQueue } from "./queue.ts";
import { ensureQueueStreams } from "./streams.ts";

let nats: TestNats;
before(async () => {
  nats = await startNats(undefined, { sync: "10s" });
});
after(() => nats[Symbol.asyncDispose]());

async function open(t: TestContext): Promise<Link> {
  const link = await linkTo(nats);
  t.after(() => link[Symbol.asyncDispose]());
  return link;
}

const policy = "team-a/bulk.mail" as PolicyName;
const pool = { class: "relay", policy } as const;
const nothing: Counted = { due: 0, deferred: 0, oldestDueMs: 0, sessions: 0 };
const signal = () => AbortSignal.timeout(60_000);

async function answering(t: TestContext, pod: string, due: number) {
  const link = await open(t);
  const count = () => ({ ...nothing, due });
  const answer = answerFigures({ link, pool, speaker: { member: `${pod}-1`, pod }, count, log: silent });
  t.after(() => answer[Symbol.dispose]());
  await link.nc.flush();
}

test("the named pods are heard, and it does not wait longer", async (t) => {
  await answering(t, "relay-a", 3);
  await answering(t, "relay-b", 4);
  const pods = ["relay-a", "relay-b"];
  const patienceMs = 600_000;
  const link = await open(t);
  const { figures, missing } = await askFigures({ link, pool, pods, signal: signal(), patienceMs });
  assert.deepEqual(missing, []);
  assert.deepEqual(figures.map(({ pod, due }) => [pod, due]).sort(), [
    ["relay-a", 3],
    ["relay-b", 4],
  ]);
});

test("who does not answer is missing", async (t) => {
  await answering(t, "relay-a", 3);
  const link = await open(t);
  // On a busy machine the one that is there may come too late for once.
  await untilTrue("the one that is there to be heard in time", async () => {
    const asked = { link, pool, pods: ["relay-a", "relay-z"], signal: signal(), patienceMs: 1_000 };
    const { figures, missing } = await askFigures(asked);
    assert.ok(missing.includes("relay-z"));
    return figures.length === 1 && missing.length === 1;
  });
});

test("without anybody to answer the question ends at once", async (t) => {
  const link = await open(t);
  const asked = { link, pool, pods: ["relay-a"], signal: signal(), patienceMs: 600_000 };
  assert.deepEqual(await askFigures(asked), { figures: [], missing: ["relay-a"] });
});

test("an owner of every policy is asked for one of them", async (t) => {
  const link = await open(t);
  const heard: string[] = [];
  const answer = answerFigures({
    link,
    pool: { class: "relay" },
    speaker: { member: "laptop" },
    count: (of) => {
      heard.push(of);
      return nothing;
    },
    log: silent,
  });
  t.after(() => answer[Symbol.dispose]());
  await link.nc.flush();
  await askFigures({ link, pool, pods: [], signal: signal(), patienceMs: 500 });
  await untilTrue("it to be heard", () => heard.length > 0);
  assert.deepEqual(heard, [policy]);
});

test("what waits for a policy is read from the stream: how many, and from when on", async (t) => {
  const link = await open(t);
  await ensureQueueStreams(
    link,
    { shards: 1, partitions: 8 },
    { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 },
  );
  const common = { link, clock: systemClock, log: silent, shards: 1, partitions: 8 };
  await using queue = await new JetStreamQueue({ ...common, bodyTtlSeconds: () => 60 }).start();
  const now = Date.now();
  assert.deepEqual(await dueAt(link, policy, now, silent), { jobs: 0, earliest: undefined, more: false });
  const accept = (over: Parameters<typeof draft>[0]) =>
    queue.accept({ jobs: [draft({ policy, ...over })], body: inline("x") }, signal());
  await accept({ nextAttempt: now + 60_000 });
  await accept({ nextAttempt: now + 30_000 });
  await accept({ nextAttempt: now - 5, held: { since: now } });
  await accept({ nextAttempt: now - 5, policy: "team-b/bulk.mail" as PolicyName });
  assert.deepEqual(await dueAt(link, policy, now, silent), { jobs: 3, earliest: now + 30_000, more: false });
  await accept({ nextAttempt: now - 1_000 });
  const waiting = await dueAt(link, policy, now, silent);
  assert.deepEqual([waiting.jobs, waiting.earliest], [4, now - 1_000]);
});
