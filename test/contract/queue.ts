/**
 * What every queue must do, whatever it is made of. Run by `daemon/queue/memory.test.ts` and by
 * `daemon/nats/queue.test.ts` against a real nats-server.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Address, Domain } from "../../daemon/mail/address.ts";
import { newMessageId } from "../../daemon/queue/ids.ts";
import type { Job, JobKey, PolicyName, Queued } from "../../daemon/queue/job.ts";
import type { FinishedBody, NewJob, OwnerEvents, Queue } from "../../daemon/queue/queue.ts";

export const policy = "default/default" as PolicyName;

/** A job of one recipient; `over` changes what a test is about. */
export function draft(over: Partial<NewJob> = {}): NewJob {
  return {
    message: newMessageId(Date.now()),
    group: 0,
    class: "relay",
    policy,
    destination: "example.org" as Domain,
    queuedAt: Date.now(),
    sender: { path: "alice@example.test" as Address, body: "7BIT", smtputf8: false },
    origin: { client: "127.0.0.1", helo: "client.example.test", protocol: "ESMTP" },
    recipients: [{ address: "bob@example.org" as Address }],
    attempts: 0,
    nextAttempt: Date.now(),
    history: [],
    ...over,
  };
}

export const inline = (text: string): FinishedBody => ({ kind: "inline", octets: Buffer.from(text) });

/** An owner that writes down what it hears. */
export class Listener implements OwnerEvents {
  readonly jobs = new Map<JobKey, Queued>();
  readonly partitions = new Set<number>();
  #waiting: { readonly ready: () => boolean; readonly done: () => void }[] = [];

  put(queued: Queued): void {
    this.jobs.set(queued.key, queued);
    this.#wake();
  }
  gone(key: JobKey): void {
    this.jobs.delete(key);
    this.#wake();
  }
  gained(partitions: readonly number[]): void {
    for (const p of partitions) this.partitions.add(p);
    this.#wake();
  }
  lost(partitions: readonly number[]): void {
    for (const p of partitions) this.partitions.delete(p);
    this.#wake();
  }
  idle = async (_partitions: readonly number[]): Promise<void> => {};

  /** Resolves when `ready` holds; looked at after every event. */
  until(ready: () => boolean): Promise<void> {
    if (ready()) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ ready, done }));
  }

  async job(message: string): Promise<Queued> {
    const find = () => [...this.jobs.values()].find((q) => q.job.message === message);
    await this.until(() => find() !== undefined);
    return find() as Queued;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const w of waiting) {
      if (w.ready()) w.done();
      else this.#waiting.push(w);
    }
  }
}

export async function octetsOf(queue: Queue, queued: Queued, signal: AbortSignal): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of queue.body(queued, signal)) parts.push(part);
  return Buffer.concat(parts).toString("latin1");
}

type Open = (t: TestContext) => Promise<Queue>;

export function queueContract(name: string, open: Open): void {
  const check = (title: string, body: (queue: Queue, signal: AbortSignal) => Promise<void>) =>
    test(`${name}: ${title}`, { timeout: 60_000 }, async (t) => {
      await using queue = await open(t);
      await body(queue, t.signal);
    });

  check("an accepted message reaches its owner whole", async (queue, signal) => {
    const heard = new Listener();
    await using _owner = await queue.own({ class: "relay" }, heard, signal);
    const job = draft();
    await queue.accept({ jobs: [job], body: inline("Subject: hi\r\n\r\nho\r\n") }, signal);
    const queued = await heard.job(job.message);
    assert.deepEqual({ ...queued.job, body: undefined }, { ...job, body: undefined });
    assert.equal(await octetsOf(queue, queued, signal), "Subject: hi\r\n\r\nho\r\n");
  });

  check("an owner that comes later finds what was accepted before", async (queue, signal) => {
    const job = draft();
    await queue.accept({ jobs: [job], body: inline("early") }, signal);
    const heard = new Listener();
    await using _owner = await queue.own({ class: "relay" }, heard, signal);
    assert.equal((await heard.job(job.message)).job.attempts, 0);
  });

  check("all jobs of a message share its body", async (queue, signal) => {
    const message = newMessageId(Date.now());
    const jobs = ["a.example", "b.example", "c.example"].map((d, group) =>
      draft({ message, group, destination: d as Domain }),
    );
    const text = "x".repeat(60_000);
    await queue.accept({ jobs, body: inline(text) }, signal);
    const seen: Queued[] = [];
    for await (const queued of queue.list(signal)) seen.push(queued);
    assert.deepEqual(seen.map((q) => q.job.group).sort(), [0, 1, 2]);
    for (const { key } of seen) {
      const queued = await queue.read(key, signal);
      assert.ok(queued);
      assert.equal(await octetsOf(queue, queued, signal), text);
    }
  });

  check("the same message is not accepted twice", async (queue, signal) => {
    if (name.startsWith("memory")) return;
    const job = draft();
    await queue.accept({ jobs: [job], body: inline("one") }, signal);
    await assert.rejects(queue.accept({ jobs: [job], body: inline("two") }, signal));
    for await (const queued of queue.list(signal)) {
      const read = (await queue.read(queued.key, signal)) as Queued;
      assert.equal(await octetsOf(queue, read, signal), "one");
    }
  });

  check("a deferred job keeps its body and its new record", async (queue, signal) => {
    const heard = new Listener();
    await using _owner = await queue.own({ class: "relay" }, heard, signal);
    const job = draft();
    await queue.accept({ jobs: [job], body: inline("kept") }, signal);
    const first = await heard.job(job.message);
    const next: Job = { ...first.job, attempts: 1, nextAttempt: first.job.nextAttempt + 300_000 };
    const change = { key: first.key, revision: first.revision, next, also: [] };
    assert.equal(
      await queue.settle({ ...change, ...(first.inline ? { inline: first.inline } : {}) }, signal),
      "done",
    );
    await heard.until(() => heard.jobs.get(first.key)?.job.attempts === 1);
    const second = heard.jobs.get(first.key) as Queued;
    assert.notEqual(second.revision, first.revision);
    assert.equal(await octetsOf(queue, second, signal), "kept");
  });

  check("a job that is done is gone, and its DSN is there in the same instant", async (queue, signal) => {
    const heard = new Listener();
    await using _owner = await queue.own({ class: "relay" }, heard, signal);
    const job = draft();
    await queue.accept({ jobs: [job], body: inline("bad") }, signal);
    const queued = await heard.job(job.message);
    const dsn = draft({ destination: "example.test" as Domain });
    const also = [{ jobs: [dsn], body: inline("a bounce") }];
    const change = { key: queued.key, revision: queued.revision, next: undefined, also };
    assert.equal(await queue.settle(change, signal), "done");
    queue.forget(queued.key, queued.job);
    const bounce = await heard.job(dsn.message);
    assert.equal(await octetsOf(queue, bounce, signal), "a bounce");
    await heard.until(() => !heard.jobs.has(queued.key));
    assert.equal(await queue.read(queued.key, signal), undefined);
  });

  check("a stale settlement changes nothing and queues nothing", async (queue, signal) => {
    const heard = new Listener();
    await using _owner = await queue.own({ class: "relay" }, heard, signal);
    const job = draft();
    await queue.accept({ jobs: [job], body: inline("raced") }, signal);
    const { key, revision, job: kept, inline: octets } = await heard.job(job.message);
    const held: Job = { ...kept, held: { since: 1 } };
    await queue.settle(
      { key, revision, next: held, ...(octets ? { inline: octets } : {}), also: [] },
      signal,
    );
    const also = [{ jobs: [draft()], body: inline("never") }];
    assert.equal(await queue.settle({ key, revision, next: undefined, also }, signal), "stale");
    const left: Queued[] = [];
    for await (const queued of queue.list(signal)) left.push(queued);
    assert.equal(left.length, 1);
    assert.deepEqual(left[0]?.job.held, { since: 1 });
  });

  check("an owner hears only its own pool", async (queue, signal) => {
    const [local, relay] = [new Listener(), new Listener()];
    await using _a = await queue.own({ class: "local" }, local, signal);
    await using _b = await queue.own({ class: "relay" }, relay, signal);
    const [here, there] = [draft({ class: "local" }), draft()];
    await queue.accept({ jobs: [here], body: inline("in") }, signal);
    await queue.accept({ jobs: [there], body: inline("out") }, signal);
    await Promise.all([local.job(here.message), relay.job(there.message)]);
    assert.deepEqual([local.jobs.size, relay.jobs.size], [1, 1]);
  });

  check("a released owner hears no more and may start nothing", async (queue, signal) => {
    const heard = new Listener();
    const owner = await queue.own({ class: "relay" }, heard, signal);
    await heard.until(() => heard.partitions.size > 0);
    assert.equal(owner.mayStart(), true);
    await owner.release();
    assert.equal(owner.mayStart(), false);
    assert.equal(heard.partitions.size, 0);
    await queue.accept({ jobs: [draft()], body: inline("late") }, signal);
    assert.equal(heard.jobs.size, 0);
  });

  check("who edits what is listed does not meet his own edits", async (queue, signal) => {
    for (let i = 0; i < 3; i++) await queue.accept({ jobs: [draft()], body: inline("text") }, signal);
    let listed = 0;
    for await (const { key } of queue.list(signal)) {
      listed++;
      const { revision, job, inline: octets } = (await queue.read(key, signal)) as Queued;
      const next: Job = { ...job, held: { since: listed } };
      await queue.settle({ key, revision, next, ...(octets ? { inline: octets } : {}), also: [] }, signal);
      await new Promise((resolve) => setTimeout(resolve, 50)); // time for an echo, if there were one
    }
    assert.equal(listed, 3);
  });

  check("a body that is written in pieces comes back in one", async (queue, signal) => {
    const id = queue.newId();
    const writer = queue.openBody(id, signal);
    const piece = Buffer.alloc(100_003, "0123456789abcdef");
    for (let i = 0; i < 9; i++) await writer.write(piece);
    const body = await writer.finish();
    const whole = Buffer.concat(Array(9).fill(piece)).toString("latin1");
    const back: Uint8Array[] = [];
    for await (const part of queue.readBack(id, body, signal)) back.push(part);
    assert.equal(Buffer.concat(back).toString("latin1"), whole, "before it has a job");
    const job = draft({ message: id });
    await queue.accept({ jobs: [job], body }, signal);
    for await (const { key } of queue.list(signal)) {
      const queued = (await queue.read(key, signal)) as Queued;
      assert.equal(await octetsOf(queue, queued, signal), whole);
    }
  });
}
