import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { openRoom } from "../../test/harness/accept.ts";
import type { Resources } from "../../test/harness/directory.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { reply } from "../mail/reply.ts";
import { MemoryQueue } from "../queue/memory.ts";
import { type BodyWriter, type NewMessage, QueueError } from "../queue/queue.ts";
import type { MessageSink } from "../smtp/mailroom.ts";

const resources: Resources = {
  domains: { "example.test": {} },
  mailboxes: { "alice@example.test": {} },
  policies: { "default/default": { cidrs: ["10.0.0.0/8"] } },
};

/** A queue whose body writers and acceptance are in the test's hands. */
class HandQueue extends MemoryQueue {
  readonly log: string[] = [];
  /** What `write` gives back. */
  onWrite: (octets: Uint8Array) => void | Promise<void> = () => {};
  onFinish: () => Promise<void> = async () => {};
  onAccept: (message: NewMessage, signal: AbortSignal) => Promise<void> = async () => {};

  constructor() {
    super(new FakeClock());
  }

  override openBody(): BodyWriter {
    let size = 0;
    return {
      get size() {
        return size;
      },
      write: (octets) => {
        size += octets.length;
        const text = Buffer.from(octets).toString();
        this.log.push(text.startsWith("Received:") ? "trace" : text.length > 20 ? `${text.length}` : text);
        return this.onWrite(octets);
      },
      finish: async () => {
        this.log.push("finish");
        await this.onFinish();
        return { kind: "inline", octets: new Uint8Array(size) };
      },
      abandon: () => this.log.push("abandon"),
    };
  }

  override async accept(message: NewMessage, signal: AbortSignal): Promise<void> {
    this.log.push("accept");
    await this.onAccept(message, signal);
  }
}

async function opened(over: Parameters<typeof openRoom>[1] = {}) {
  const queue = new HandQueue();
  const room = openRoom(resources, { queue, ...over });
  const sinkOf = async (): Promise<MessageSink> => {
    const client = await room.connect({ address: "10.1.1.1" });
    await client.mail("x@far.example");
    await client.rcpt("alice@example.test");
    const sink = await client.open();
    if (typeof sink === "string") throw new Error(sink);
    return sink;
  };
  return { queue, room, sinkOf, sink: await sinkOf() };
}

const never = () => new Promise<void>(() => {});
const said = async (answer: Promise<{ code: number; enhanced: string }>) => {
  const { code, enhanced } = await answer;
  return `${code} ${enhanced}`;
};

test("octets that are known to be the header's pass at once, behind the trace header, and no promise is made without need", async () => {
  const { queue, sink, room } = await opened();
  assert.equal(sink.write(Buffer.from("Subject: a\r\nTo:")), undefined);
  assert.deepEqual(queue.log, ["trace", "Subject: a\r\n"]);
  assert.equal(sink.write(Buffer.from(" b\r\n\r\nhello\r\n")), undefined);
  assert.equal(sink.write(Buffer.from("more")), undefined);
  assert.deepEqual(queue.log.slice(2), ["To: b\r\n\r\nhello\r\n", "more"]);
  assert.equal(await said(sink.end()), "250 2.0.0");
  assert.deepEqual(queue.log.slice(4), ["finish", "accept"]);
  room[Symbol.dispose]();
});

test("back-pressure of the store is passed on, and later octets stay in order behind it", async () => {
  const { queue, sink, room } = await opened();
  sink.write(Buffer.from("\r\n"));
  const gate = Promise.withResolvers<void>();
  queue.onWrite = () => gate.promise;
  const first = sink.write(Buffer.from("one"));
  const second = sink.write(Buffer.from("two"));
  assert.ok(first instanceof Promise && second instanceof Promise);
  const end = sink.end();
  await turn();
  assert.deepEqual(queue.log, ["trace", "\r\n", "one"]);
  queue.onWrite = () => {};
  gate.resolve();
  assert.equal(await said(end), "250 2.0.0");
  assert.deepEqual(queue.log, ["trace", "\r\n", "one", "two", "finish", "accept"]);
  room[Symbol.dispose]();
});

const full = new QueueError(reply(452, "4.3.1", "full"));
const faults: readonly [
  name: string,
  break_: (queue: HandQueue) => void,
  want: string,
  abandoned: boolean,
][] = [
  [
    "write throws",
    (queue) =>
      (queue.onWrite = () => {
        throw full;
      }),
    "452 4.3.1",
    true,
  ],
  ["write rejects", (queue) => (queue.onWrite = () => Promise.reject(full)), "452 4.3.1", true],
  ["finish rejects", (queue) => (queue.onFinish = () => Promise.reject(full)), "452 4.3.1", true],
  ["accept rejects", (queue) => (queue.onAccept = () => Promise.reject(full)), "452 4.3.1", false],
  [
    "write throws something else",
    (queue) =>
      (queue.onWrite = () => {
        throw new Error("x");
      }),
    "451 4.3.0",
    true,
  ],
  [
    "accept rejects with something else",
    (queue) => (queue.onAccept = () => Promise.reject(new Error("x"))),
    "451 4.3.0",
    false,
  ],
];
for (const [name, break_, want, abandoned] of faults)
  test(`${name}: ${want}, never 250, never a rejection`, async () => {
    const { queue, sink, room } = await opened();
    break_(queue);
    for (const part of ["Subject: a\r\n\r\n", "b", "c"]) await sink.write(Buffer.from(part));
    assert.equal(await said(sink.end()), want);
    assert.equal(room.accepted.length, 0);
    // After `accept` the jobs may exist whatever it says: their body must not be taken away.
    assert.equal(queue.log.includes("abandon"), abandoned);
    room[Symbol.dispose]();
  });

for (const stage of ["onWrite", "onFinish", "onAccept"] as const)
  test(`a store that hangs in ${stage}: 451 when the limit has passed`, async () => {
    const { queue, sink, room } = await opened();
    queue[stage] = never;
    void sink.write(Buffer.from("Subject: a\r\n\r\n"));
    const end = sink.end();
    await turn();
    room.clock.advance(19_999);
    let answered = false;
    void end.then(() => (answered = true));
    await turn();
    assert.equal(answered, false);
    room.clock.advance(1);
    assert.equal(await said(end), "451 4.3.0");
    room[Symbol.dispose]();
  });

test("a store that answers after the limit changes nothing for the client, and keeps its body", async () => {
  const { queue, sink, room } = await opened();
  const gate = Promise.withResolvers<void>();
  let stopped = false;
  queue.onAccept = (_message, signal) => {
    signal.addEventListener("abort", () => (stopped = true));
    return gate.promise;
  };
  const end = sink.end();
  await turn();
  room.clock.advance(20_000);
  assert.equal(await said(end), "451 4.3.0");
  assert.equal(stopped, true, "the store is told to give up");
  gate.resolve();
  await turn();
  assert.ok(!queue.log.includes("abandon"));
  room[Symbol.dispose]();
});

test("a message that is durable is 250, though whoever counts it fails", async () => {
  const accepted = () => {
    throw new Error("no counter");
  };
  const { sink, room } = await opened({ accepted });
  assert.equal(await said(sink.end()), "250 2.0.0");
  room[Symbol.dispose]();
});

test("abort forgets the message; after the end it is too late", async () => {
  const { queue, sink, sinkOf, room } = await opened();
  sink.write(Buffer.from("Subject: a\r\n"));
  sink.abort();
  sink.abort();
  assert.deepEqual(queue.log, ["trace", "Subject: a\r\n", "abandon"]);
  const other = await sinkOf();
  const end = other.end();
  other.abort();
  assert.equal(await said(end), "250 2.0.0");
  room[Symbol.dispose]();
});

test("so many messages arrive at once, more are sent away until one has ended", async () => {
  const { room, sink, sinkOf } = await opened({ limits: { arriving: 2 } });
  const second = await sinkOf();
  await assert.rejects(sinkOf, /452 4\.3\.1/);
  await sink.end();
  const third = await sinkOf();
  await assert.rejects(sinkOf, /452 4\.3\.1/);
  second.abort();
  third.abort();
  third.abort();
  for (const last of [await sinkOf(), await sinkOf()]) last.abort();
  room[Symbol.dispose]();
});

const large = Buffer.alloc(70_000, "y");

test("large messages take turns, small ones pass by", async () => {
  const { queue, room, sink, sinkOf } = await opened({ limits: { arrivingLarge: 1 } });
  assert.equal(sink.write(large), undefined);
  const waiting = await sinkOf();
  const wait = waiting.write(large);
  assert.ok(wait instanceof Promise);
  const end = waiting.end();
  assert.equal(await said((await sinkOf()).end()), "250 2.0.0");
  assert.equal(queue.log.filter((entry) => entry === "70000").length, 1);
  assert.equal(await said(sink.end()), "250 2.0.0");
  await wait;
  assert.equal(queue.log.filter((entry) => entry === "70000").length, 2);
  assert.equal(await said(end), "250 2.0.0");
  room[Symbol.dispose]();
});

test("a turn that does not come in time, and one that is given up", async () => {
  const { room, sink, sinkOf } = await opened({ limits: { arrivingLarge: 1 } });
  sink.write(large);
  const late = await sinkOf();
  const quitter = await sinkOf();
  const waits = [late.write(large), quitter.write(large)];
  quitter.abort();
  room.clock.advance(120_000);
  await Promise.all(waits);
  assert.equal(await said(late.end()), "452 4.3.1");
  await sink.end();
  const next = await sinkOf();
  assert.equal(next.write(large), undefined, "the place is free again");
  next.abort();
  room[Symbol.dispose]();
});
