import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { MemoryKube } from "../../test/harness/kube/memory.ts";
import { logBook } from "../../test/harness/log-book.ts";
import { ApiEvents } from "./events.ts";
import { kinds } from "./kinds.ts";
import type { KubeObject } from "./object.ts";
import { KubeError } from "./port.ts";

const settled = async () => {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate);
};

const about = (name: string): KubeObject => ({
  apiVersion: "mail.postfleet.dev/v1alpha1",
  kind: "MailDomain",
  metadata: { namespace: "n", name, uid: `uid-${name}`, resourceVersion: "5" },
});

function open() {
  const clock = new FakeClock();
  const kube = new MemoryKube();
  const log = logBook();
  const events = new ApiEvents({ kube, reporter: "postfleet-operator", instance: "op-1", clock, log });
  const all = () => kube.list<KubeObject>(kinds.Event, {}, AbortSignal.timeout(120_000));
  return { clock, kube, log, events, all, [Symbol.asyncDispose]: () => events[Symbol.asyncDispose]() };
}

test("an event tells who, what, about whom and when", async () => {
  await using it = open();
  it.events.record(about("a"), "Warning", "Conflict", "somebody else has this domain");
  await settled();
  const [event] = await it.all();
  assert.match(event?.metadata.name ?? "", /^a\.[0-9a-f]{16}$/);
  const { apiVersion, kind, metadata } = about("a");
  const { namespace, name, uid, resourceVersion } = metadata;
  const { metadata: _, ...rest } = event as KubeObject;
  assert.deepEqual(rest, {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    eventTime: "2023-11-14T22:13:20.000000Z",
    reportingController: "postfleet-operator",
    reportingInstance: "op-1",
    action: "Conflict",
    reason: "Conflict",
    regarding: { apiVersion, kind, name, namespace, uid, resourceVersion },
    note: "somebody else has this domain",
    type: "Warning",
  });
});

test("repetitions are counted in the same event, written at most once a minute", async () => {
  await using it = open();
  for (let i = 0; i < 100; i++) {
    it.events.record(about("a"), "Warning", "Failed", "again");
    it.clock.advance(1_000);
    await settled();
  }
  const [event, ...more] = await it.all();
  assert.deepEqual(more, []);
  assert.equal(it.kube.writes.length, 2);
  it.clock.advance(60_000);
  await settled();
  const [last] = await it.all();
  assert.equal((last?.["series"] as { count?: number } | undefined)?.count, 100);
  assert.equal(event?.metadata.name, last?.metadata.name);
});

test("one that was not repeated for long begins anew; one that the server forgot is made again", async () => {
  await using it = open();
  it.events.record(about("a"), "Normal", "Ready", "it is");
  await settled();
  it.clock.advance(7 * 60_000);
  it.events.record(about("a"), "Normal", "Ready", "it is");
  await settled();
  assert.equal((await it.all()).length, 2);
  for (const { metadata } of await it.all())
    await it.kube.delete(kinds.Event, "n", metadata.name, {}, AbortSignal.timeout(120_000));
  it.events.record(about("a"), "Normal", "Ready", "it is");
  it.clock.advance(60_000);
  await settled();
  assert.equal((await it.all()).length, 1);
});

test("a chatty object is cut short, others are not", async () => {
  await using it = open();
  for (let i = 0; i < 200; i++) it.events.record(about("chatty"), "Warning", "Failed", `number ${i}`);
  it.events.record(about("quiet"), "Normal", "Ready", "it is");
  await settled();
  await settled();
  await it.events[Symbol.asyncDispose]();
  const names = (await it.all()).map(({ metadata }) => metadata.name.split(".")[0]);
  assert.equal(names.filter((name) => name === "chatty").length, 25);
  assert.equal(names.filter((name) => name === "quiet").length, 1);
  assert.equal(it.events.dropped, 175);
});

test("what cannot be written is dropped without a word to the caller", async () => {
  await using it = open();
  it.kube.refuse = () => {
    throw new KubeError(403, "Forbidden", "no events for you");
  };
  it.events.record(about("a"), "Normal", "Ready", "it is");
  await settled();
  assert.equal(it.events.dropped, 1);
  assert.deepEqual(it.log.said("debug"), ["an event was not written"]);
});

test("long texts are cut between characters, within what the API takes", async () => {
  await using it = open();
  it.events.record(about("a"), "Normal", "Long", "ü".repeat(2_000));
  await settled();
  const [event] = await it.all();
  const note = String(event?.["note"]);
  assert.ok(Buffer.byteLength(note) <= 1_024 && note.endsWith("…"), note.slice(-5));
});

test("the counts of the last minute are written at the end", async () => {
  const it = open();
  for (let i = 0; i < 5; i++) it.events.record(about("a"), "Warning", "Failed", "again");
  await it.events[Symbol.asyncDispose]();
  const [event] = await it.all();
  assert.equal((event?.["series"] as { count: number } | undefined)?.count, 5);
});
