import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { draft, inline, Listener, octetsOf, queueContract } from "../../test/contract/queue.ts";
import { linkTo, startNats, type TestNats } from "../../test/harness/nats-server.ts";
import { unhurried } from "../../test/harness/patient.ts";
import { purge } from "../../test/harness/purge.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { Queued } from "../queue/job.ts";
import type { Link } from "./connect.ts";
import { JetStreamQueue } from "./queue.ts";
import { lastOnSubject } from "./read.ts";
import { ensureQueueStreams } from "./streams.ts";

let nats: TestNats;
let link: Link;
before(async () => {
  nats = await startNats();
  link = unhurried(await linkTo(nats));
});
after(async () => {
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

const sizes = { replicas: 1, queueBytes: 2 ** 28, bodyBytes: 2 ** 28, eventBytes: 0 };

const options = {
  clock: systemClock,
  log: silent,
  shards: 1,
  partitions: 16,
  bodyTtlSeconds: () => 3_600,
};

async function open(bounds: Partial<typeof sizes> = {}) {
  for (const stream of ["Q0", "B0", "OWN"]) await purge(link, stream);
  await ensureQueueStreams(link, { shards: 1, partitions: 16 }, { ...sizes, ...bounds });
  return new JetStreamQueue({ ...options, link }).start();
}

queueContract("JetStream", () => open());

/** The last message of a batch asks for its commit, and one that is alone names it. Its headers are written as text, and have no other face. */
const commits = (options: Parameters<Link["nc"]["request"]>[2]): boolean => {
  const head = options?.headers as { readonly encode?: () => Uint8Array } | undefined;
  return /^(Nats-Batch-Commit|Postfleet-Commit): /m.test(Buffer.from(head?.encode?.() ?? []).toString());
};

type Request = Link["nc"]["request"];

/** The same link, but its questions are asked by this. */
function asking(request: Request): Link {
  const nc = new Proxy(link.nc, {
    get(target, name) {
      if (name === "request") return request;
      const member = Reflect.get(target, name) as unknown;
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  return {
    nc,
    confined: undefined,
    inbox: () => link.inbox(),
    isUp: () => link.isUp(),
    moveTo: (url) => link.moveTo(url),
    leave: (why) => link.leave(why),
    onceDown: (listener) => link.onceDown(listener),
    up: (signal) => link.up(signal),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** The answer to the first batch never arrives; meanwhile `stored` happens. */
function losingFirstAnswer(stored: () => Promise<void>): Link {
  let lost = false;
  return asking(async (subject, payload, options) => {
    // A busy machine may take its time: the first answer is to be lost by us, not by the clock.
    const answer = await link.nc.request(subject, payload, { ...options, timeout: 60_000 });
    if (lost || !commits(options)) return answer;
    lost = true;
    await stored();
    throw new Error("timeout");
  });
}

const answer = (value: unknown) =>
  ({ data: new Uint8Array(), json: () => value }) as unknown as Awaited<ReturnType<Request>>;

async function listed(queue: JetStreamQueue, signal: AbortSignal) {
  const found: Queued[] = [];
  for await (const queued of queue.list(signal)) found.push(queued);
  return found;
}

test("accepted although the answer was lost and an owner has dealt with the job since", async () => {
  const { signal } = new AbortController();
  await using other = await open();
  const losing = losingFirstAnswer(async () => {
    const [queued] = await listed(other, signal);
    assert.ok(queued);
    const change = { key: queued.key, revision: queued.revision, next: undefined, also: [] };
    assert.equal(await other.settle(change, signal), "done");
  });
  await using queue = new JetStreamQueue({ ...options, link: losing });
  await queue.accept({ jobs: [draft()], body: inline("once") }, signal);
  assert.deepEqual(await listed(other, signal), [], "it is not queued a second time");
});

test("not accepted while the record is on its way at a leader that has lost its followers", async () => {
  const { signal } = new AbortController();
  await using _streams = await open();
  let batches = 0;
  // It takes the batch and cannot store it; then it finds the same subject under way.
  const stale = asking(async (subject, payload, options) => {
    if (!commits(options)) return link.nc.request(subject, payload, options);
    if (batches++ === 0) throw new Error("timeout");
    return answer({ error: { code: 400, err_code: 10164, description: "wrong last sequence" } });
  });
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 100 };
  await using queue = new JetStreamQueue({ ...options, clock, link: stale });
  await assert.rejects(queue.accept({ jobs: [draft()], body: inline("kept?") }, signal), {
    name: "QueueError",
    reply: { code: 451, enhanced: "4.3.0", text: "Our queue is not available just now; try again later" },
  });
});

test("what a leader that was cut off does not know is neither gone nor missing", async () => {
  const { signal } = new AbortController();
  await using _streams = await open();
  let cutOff = false;
  const ignorant = asking(async (subject, payload, options) => {
    if (cutOff && subject.startsWith("$JS.API.DIRECT.GET.")) return answer({});
    if (cutOff && subject.startsWith("$JS.API.STREAM.MSG.GET."))
      return answer({ error: { code: 404, err_code: 10037, description: "no message found" } });
    return link.nc.request(subject, payload, options);
  });
  await using queue = new JetStreamQueue({ ...options, link: ignorant });
  const heard = new Listener();
  await using _owner = await queue.own({ class: "relay" }, heard, signal);
  const message = queue.newId();
  const writer = queue.openBody(message, signal);
  await writer.write(Buffer.alloc(300 << 10, "x"));
  await queue.accept({ jobs: [draft({ message })], body: await writer.finish() }, signal);
  const queued = await heard.job(message);
  cutOff = true;
  await assert.rejects(octetsOf(queue, queued, signal), { name: "QueueError" });
  await assert.rejects(queue.read(queued.key, signal), { name: "QueueError" });
  cutOff = false;
  assert.equal((await octetsOf(queue, queued, signal)).length, 300 << 10);
  const { job } = queued;
  assert.ok(job.body.kind === "stored");
  const elsewhere = { ...queued, job: { ...job, body: { ...job.body, id: "none" } } };
  await assert.rejects(octetsOf(queue, elsewhere, signal), { name: "BodyMissing" });
});

test("near its limit a stream takes no new message, but deferrals and reports of what it holds", async () => {
  const { signal } = new AbortController();
  await using queue = await open({ queueBytes: 200_000, bodyBytes: 20_000 });
  const text = "x".repeat(10_000);
  let accepted = 0;
  const accept = () => queue.accept({ jobs: [draft()], body: inline(text) }, signal);
  await assert.rejects(
    async () => {
      for (; ; accepted++) await accept();
    },
    {
      name: "QueueError",
      reply: { code: 452, enhanced: "4.3.1", text: "Our queue is full; try again later" },
    },
  );
  assert.ok(accepted > 14 && accepted < 19, `${accepted} of 20 messages fit`);
  const jobs = await listed(queue, signal);
  for (const { key } of jobs) {
    const queued = await queue.read(key, signal);
    assert.ok(queued?.inline);
    const next = { ...queued.job, attempts: 1 };
    const change = { key, revision: queued.revision, next, inline: queued.inline, also: [] };
    assert.equal(await queue.settle(change, signal), "done");
  }
  const after = await listed(queue, signal);
  assert.ok(after.every(({ job }) => job.attempts === 1));
  const kinds = new Set(after.map(({ job }) => job.body.kind));
  assert.deepEqual(
    [...kinds].sort(),
    ["inline", "stored"],
    "what the body stream has no room for stays in its record",
  );
});

test("a body that was stored for a shorter lifetime is stored for longer when its job is deferred", async () => {
  const { signal } = new AbortController();
  await using _streams = await open();
  let ttl = 600;
  await using queue = new JetStreamQueue({ ...options, link, bodyTtlSeconds: () => ttl });
  const heard = new Listener();
  await using _owner = await queue.own({ class: "relay" }, heard, signal);
  const message = queue.newId();
  const writer = queue.openBody(message, signal);
  for (let i = 0; i < 3; i++) await writer.write(Buffer.alloc(256 << 10, `${i}`));
  await queue.accept({ jobs: [draft({ message })], body: await writer.finish() }, signal);
  ttl = 86_400; // the policies let messages live for longer now
  const { key, revision, job } = await heard.job(message);
  const next = { ...job, attempts: 1, nextAttempt: job.nextAttempt + 1 };
  assert.equal(await queue.settle({ key, revision, next, also: [] }, signal), "done");
  const [until] = [job.body.kind === "stored" ? job.body.until : 0];
  await heard.until(() => heard.jobs.get(key)?.job.attempts === 1);
  const later = heard.jobs.get(key) as Queued;
  assert.ok(later.job.body.kind === "stored" && (later.job.body.until ?? 0) > (until ?? 0) + 80_000_000);
  for (const chunk of [0, 1, 2]) {
    const stored = await lastOnSubject(link, "B0", `b0.${later.job.body.id}.${chunk}`);
    assert.equal(stored?.header("Nats-TTL"), "86400s");
  }
  assert.equal((await octetsOf(queue, later, signal)).length, 3 * (256 << 10));
});
