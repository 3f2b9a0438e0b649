/** Following a stream against a real nats-server: what is there, what comes, and nothing lost over outages. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { headers, type Msg } from "@nats-io/transport-node";
import { logBook } from "../../test/harness/log-book.ts";
import { linkTo, startNats, type TestNats } from "../../test/harness/nats-server.ts";
import { untilTrue } from "../../test/harness/until.ts";
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import { GroupCommit } from "./commit.ts";
import { connectNats, type Link } from "./connect.ts";
import { Tail, type TailMessage } from "./tail.ts";

let nats: TestNats;
let link: Link;
let group: GroupCommit;

before(async () => {
  nats = await startNats();
  link = await linkTo(nats);
  const config = {
    name: "T",
    subjects: ["t.>"],
    storage: "file",
    retention: "limits",
    max_msgs_per_subject: 1,
  };
  const rest = { num_replicas: 1, allow_atomic: true, allow_msg_ttl: true, subject_delete_marker_ttl: 60e9 };
  await link.nc.request("$JS.API.STREAM.CREATE.T", JSON.stringify({ ...config, ...rest }));
  group = new GroupCommit(link, { stream: "T", log: silent, clock: systemClock });
});
after(async () => {
  await link[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

const put = (subject: string, text: string, ttl?: string) =>
  group.commit([{ subject, data: Buffer.from(text), ...(ttl ? { ttl } : {}) }]);

/** Follows and remembers; `until` resolves when the last text of a subject is what is wanted. */
function follow(filters: readonly string[]) {
  const heard: { subject: string; text: string; sequence: number; marker: boolean }[] = [];
  let wake = () => {};
  const onMessage = ({ subject, data, sequence, marker }: TailMessage) => {
    heard.push({ subject, text: Buffer.from(data).toString(), sequence, marker });
    wake();
  };
  const tail = new Tail(link, { stream: "T", filters, onMessage, log: silent });
  const until = async (ready: () => boolean) => {
    while (!ready())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { tail, heard, until };
}

test("a connection that does not come back ends the wait", { timeout: 180_000 }, async () => {
  await using once = await linkTo(nats, { once: true });
  await put("t.lost", "a");
  await using tail = new Tail(once, { stream: "T", filters: ["t.lost"], onMessage: () => {}, log: silent });
  await once.nc.close();
  await tail.begin();
  await assert.rejects(tail.caughtUp, /the connection to NATS was lost/);
});

test("closed while it is begun anew, it makes no consumer", { timeout: 180_000 }, async (t) => {
  const { tail } = follow(["t.closed"]);
  const subscribe = t.mock.method(link.nc, "subscribe");
  const beginning = tail.begin();
  await tail[Symbol.asyncDispose]();
  await beginning;
  assert.equal(subscribe.mock.callCount(), 0);
});

test("a stream that is gone is told of once and asked for again, and no server is left for that", {
  timeout: 180_000,
}, async (t) => {
  const jsm = await jetstreamManager(link.nc);
  await jsm.streams.add({ name: "G", subjects: ["g.>"] });
  const leave = t.mock.method(link, "leave");
  const log = logBook();
  const heard: string[] = [];
  const onMessage = ({ subject }: TailMessage) => void heard.push(subject);
  await using tail = await new Tail(link, { stream: "G", filters: ["g.>"], onMessage, log }).start();
  const asked = t.mock.method(link.nc, "request");
  await jsm.streams.delete("G");
  asked.mock.resetCalls();
  const doubt = tail.doubt();
  await untilTrue("it to be asked for three times", () => asked.mock.callCount() >= 3);
  assert.deepEqual(log.said("error"), [
    "following a stream is refused: it is asked for again, ever less often",
  ]);
  await jsm.streams.add({ name: "G", subjects: ["g.>"] });
  await doubt;
  assert.deepEqual(log.said("info"), ["a stream is followed again"]);
  await link.nc.request("g.new", "", { timeout: 60_000 });
  await untilTrue("what is new to be heard", () => heard.includes("g.new"));
  assert.equal(leave.mock.callCount(), 0);
});

test("who may not follow is told so at once, and follows as soon as it may", {
  timeout: 180_000,
}, async (t) => {
  const user = (permissions: string) =>
    `authorization { users: [{user: "test", password: "secret"${permissions}}] }\n`;
  const denied = user(', permissions: {publish: {deny: ["$JS.API.CONSUMER.CREATE.>"]}}');
  const strict = await startNats(t, { auth: denied });
  const credential = { kind: "password", user: "test", password: "secret" } as const;
  await using one = await connectNats({ servers: [strict.url], credential, name: "test" }, silent);
  await (await jetstreamManager(one.nc)).streams.add({ name: "P", subjects: ["p.>"] });
  const log = logBook();
  const options = { stream: "P", filters: ["p.>"], onMessage: () => {}, log };
  await assert.rejects(new Tail(one, options).start(), { name: "StoreFault", kind: "refused" });
  const leave = t.mock.method(one, "leave");
  await using tail = new Tail(one, options);
  const begun = tail.begin();
  await untilTrue("it to be told", () => log.said("error").length > 0);
  await strict.reload({ auth: user("") });
  await begun;
  await tail.caughtUp;
  assert.equal(log.said("error").length, 1);
  assert.equal(leave.mock.callCount(), 0);
});

test("the last message of each subject first, then changes, in order", { timeout: 180_000 }, async () => {
  for (const text of ["1", "2", "3"]) await put("t.a.x", text);
  await put("t.a.y", "1");
  await put("t.b.z", "other");
  const { tail, heard, until } = follow(["t.a.*"]);
  await using _ = await tail.start();
  await tail.caughtUp;
  assert.deepEqual(
    heard.map((m) => [m.subject, m.text]),
    [
      ["t.a.x", "3"],
      ["t.a.y", "1"],
    ],
  );
  await put("t.a.x", "4");
  await until(() => heard.length === 3);
  assert.equal(heard[2]?.text, "4");
});

test("an empty stream is caught up with at once", { timeout: 180_000 }, async () => {
  const { tail } = follow(["t.nobody"]);
  await using _ = await tail.start();
  await tail.caughtUp;
});

test("an expired message is told by a marker", { timeout: 180_000 }, async () => {
  const { tail, heard, until } = follow(["t.ttl"]);
  await using _ = await tail.start();
  await put("t.ttl", "short", "1s");
  await until(() => heard.length === 2);
  assert.deepEqual(
    heard.map((m) => [m.text, m.marker]),
    [
      ["short", false],
      ["", true],
    ],
  );
});

test("over a kill of the server nothing is lost, and nothing comes twice", { timeout: 180_000 }, async () => {
  const { tail, heard, until } = follow(["t.kill.>"]);
  await using _ = await tail.start();
  for (let i = 0; i < 20; i++) await put(`t.kill.${i}`, "before");
  await nats.kill9();
  const late = Promise.all(Array.from({ length: 20 }, (_, i) => put(`t.kill.${i + 20}`, "after")));
  await nats.restart();
  await late;
  await until(() => new Set(heard.map((m) => m.subject)).size === 40);
  const sequences = heard.map((m) => m.sequence);
  assert.deepEqual(
    sequences,
    [...new Set(sequences)].sort((a, b) => a - b),
  );
});

test("a handler that throws does not stop what follows", { timeout: 180_000 }, async () => {
  const heard: string[] = [];
  const done = Promise.withResolvers<void>();
  const onMessage = ({ subject }: TailMessage) => {
    heard.push(subject);
    if (heard.length === 2) done.resolve();
    throw new Error("a bug");
  };
  await using _ = await new Tail(link, {
    stream: "T",
    filters: ["t.throw.*"],
    onMessage,
    log: silent,
  }).start();
  await put("t.throw.1", "x");
  await put("t.throw.2", "x");
  await done.promise;
  assert.deepEqual(heard, ["t.throw.1", "t.throw.2"]);
});

test("a server that is idle has told everything, also when the last of it was removed before it came", async () => {
  let take: (message: Msg) => void = () => {};
  const nc = {
    subscribe: (_: string, { callback }: { callback: (error: null, message: Msg) => void }) => {
      take = (message) => callback(null, message);
      return { unsubscribe: () => {} };
    },
    request: async () => ({ json: () => ({ num_pending: 1, delivered: { consumer_seq: 0 } }) }),
    publish: () => {},
  };
  const idle = { nc, inbox: () => "inbox", isUp: () => false, onceDown: () => () => true } as unknown as Link;
  await using tail = new Tail(idle, { stream: "T", filters: [">"], onMessage: () => {}, log: silent });
  await tail.start();
  let caughtUp = false;
  void tail.caughtUp.then(() => {
    caughtUp = true;
  });
  const heartbeat = (...fields: readonly (readonly [string, string])[]) => {
    const head = headers(100, "Idle Heartbeat");
    for (const [name, value] of fields) head.set(name, value);
    take({ subject: "", data: new Uint8Array(), headers: head } as Msg);
    return new Promise((resolve) => setImmediate(resolve));
  };
  await heartbeat(["Nats-Last-Consumer", "0"], ["Nats-Consumer-Stalled", "$JS.FC.T"]);
  assert.equal(caughtUp, false, "it waits for us, not for messages");
  await heartbeat(["Nats-Last-Consumer", "0"]);
  assert.equal(caughtUp, true);
});
