/** Copies and restorations against a real nats-server. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { linkTo, startNats } from "../../../test/harness/nats-server.ts";
import { silent } from "../../kit/log.ts";
import type { Job } from "../../queue/job.ts";
import { encodeJob } from "../codec.ts";
import type { Link } from "../connect.ts";
import { ensureInstallation, unbounded } from "../installation.ts";
import { findLayout } from "../layout.ts";
import { lastOnSubject } from "../read.ts";
import { ArchiveWriter } from "./archive.ts";
import { type Restored, restoreStreams } from "./restore.ts";
import { manifestFile, saveStreams, streamFile } from "./save.ts";

async function place(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-backup-"));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

async function aLink(t: TestContext): Promise<Link> {
  const nats = await startNats(t, { sync: "10s" });
  const link = await linkTo(nats);
  t.after(() => link[Symbol.asyncDispose]());
  return link;
}

async function installed(t: TestContext): Promise<Link> {
  const link = await aLink(t);
  await ensureInstallation(link, unbounded(1));
  return link;
}

async function put(link: Link, subject: string, data: Uint8Array | string, ttl?: string): Promise<void> {
  const head = headers();
  if (ttl) head.set("Nats-TTL", ttl);
  const answer = await link.nc.request(subject, data, { headers: head, timeout: 60_000 });
  assert.equal(answer.json<{ error?: unknown }>().error, undefined);
}

const text = async (link: Link, stream: string, subject: string) => {
  const record = await lastOnSubject(link, stream, subject);
  return record && Buffer.from(record.data).toString();
};

const save = (link: Link, folder: string) =>
  saveStreams(link, { folder, log: silent, now: Date.now, saved: () => {} });

async function restore(link: Link, folder: string, now = Date.now): Promise<Map<string, Restored>> {
  const done = new Map<string, Restored>();
  const restored = (stream: Restored) => void done.set(stream.name, stream);
  await restoreStreams(link, { folder, replicas: undefined, log: silent, now, restored });
  return done;
}

const key = (message: string) => `q0.relay.shop.default.7.${message}.1`;
const aJob = (message: string, body: Job["body"]) =>
  encodeJob({ message, body } as Job, Buffer.from("octets"));

test("what was there is there again: records in their order, the layout, what lies beside leases", async (t) => {
  const one = await installed(t);
  await put(one, "m0.r.x.1.1", "first");
  await put(one, "m0.r.x.1.1", "second");
  await put(one, "own.shop.suspended.default", "{}");
  await put(one, "own.shop.suspended.default.c2l0ZQ", "{}");
  await put(one, "own._.local-_.m.someone", "a lease");
  for (const n of [1, 2, 3]) await put(one, "events.page", `page ${n}`);
  await put(one, key("a"), aJob("a", { kind: "inline", size: 6 }));
  const folder = await place(t);
  await save(one, folder);
  const other = await aLink(t);
  await restore(other, folder);
  assert.deepEqual(await findLayout(other), await findLayout(one));
  assert.equal(await text(other, "M0", "m0.r.x.1.1"), "second");
  assert.equal(await text(other, "OWN", "own.shop.suspended.default"), "{}");
  assert.equal(await text(other, "OWN", "own.shop.suspended.default.c2l0ZQ"), "{}");
  assert.equal(await text(other, "OWN", "own._.local-_.m.someone"), undefined);
  assert.equal(await text(other, "EVENTS", "events.page"), "page 3");
  const jsm = await jetstreamManager(other.nc);
  assert.equal((await jsm.streams.info("EVENTS")).state.messages, 3);
  assert.match((await text(other, "Q0", key("a"))) ?? "", /octets$/);
  await ensureInstallation(other, unbounded(1)); // as the next daemon does
});

test("a job whose body was removed before the bodies were saved is finished, and not restored", async (t) => {
  const one = await installed(t);
  await put(one, key("done"), aJob("done", { kind: "stored", id: "gone", chunks: 2, size: 9 }));
  await put(one, key("waits"), aJob("waits", { kind: "stored", id: "kept", chunks: 2, size: 9 }));
  await put(one, "b0.gone.0", "half");
  for (const n of [0, 1]) await put(one, `b0.kept.${n}`, "half");
  const folder = await place(t);
  await save(one, folder);
  const other = await aLink(t);
  const done = await restore(other, folder);
  assert.deepEqual(done.get("Q0"), { name: "Q0", records: 1, finished: 1 });
  assert.equal(await text(other, "Q0", key("done")), undefined);
  assert.equal(await text(other, "B0", "b0.kept.1"), "half");
});

test("a record that is no job is brought back as it was, and stops nothing", async (t) => {
  const one = await installed(t);
  await put(one, key("none"), "no job");
  await put(one, key("odd"), "{}\n");
  await put(one, key("a"), aJob("a", { kind: "inline", size: 6 }));
  const folder = await place(t);
  await save(one, folder);
  const other = await aLink(t);
  assert.deepEqual((await restore(other, folder)).get("Q0"), { name: "Q0", records: 3, finished: 0 });
  assert.equal(await text(other, "Q0", key("none")), "no job");
});

test("a record whose time is over while it lies in the copy does not come back", async (t) => {
  const one = await installed(t);
  await put(one, "m0.a.x.1", "soon over", "60s");
  await put(one, "m0.a.x.2", "later over", "7200s");
  const folder = await place(t);
  await save(one, folder);
  const other = await aLink(t);
  await restore(other, folder, () => Date.now() + 3_600_000);
  assert.equal(await text(other, "M0", "m0.a.x.1"), undefined);
  const left = Number.parseInt((await lastOnSubject(other, "M0", "m0.a.x.2"))?.header("Nats-TTL") ?? "", 10);
  assert.ok(left > 3_000 && left <= 3_600, `${left} s`);
});

test("what was removed while the copy was made stays away, also when its mark is past its time", async (t) => {
  const one = await installed(t);
  const folder = await place(t);
  const manifest = await save(one, folder);
  using writer = new ArchiveWriter(streamFile(folder, "M0"));
  const subject = "m0.r.x.1.1";
  writer.add({ subject, time: Date.now(), data: Buffer.from("was read first") });
  writer.add({ subject, time: Date.now(), ttl: 60, data: Buffer.alloc(0) });
  writer.finish();
  const streams = manifest.streams.map((each) => (each.name === "M0" ? { ...each, records: 2 } : each));
  await writeFile(manifestFile(folder), JSON.stringify({ ...manifest, streams }));
  const other = await aLink(t);
  await restore(other, folder, () => Date.now() + 3_600_000);
  assert.ok(!(await text(other, "M0", subject)), "its record does not come back");
});

test("a copy that is older than bodies live brings its jobs back with their bodies", async (t) => {
  const one = await installed(t);
  await put(one, key("old"), aJob("old", { kind: "stored", id: "old", chunks: 1, size: 4 }));
  await put(one, "b0.old.0", "text", "600s");
  const folder = await place(t);
  await save(one, folder);
  const other = await aLink(t);
  const done = await restore(other, folder, () => Date.now() + 10 * 86_400_000);
  assert.deepEqual(done.get("Q0"), { name: "Q0", records: 1, finished: 0 });
  assert.equal(await text(other, "B0", "b0.old.0"), "text");
});

test("what came as the server's answer to somebody's question is not made genuine by a copy", async (t) => {
  const one = await installed(t);
  await put(one, "b0.x.0", "one");
  one.nc.publish("$JS.API.DIRECT.GET.B0.b0.x.0", "", { reply: "m0.r.forged.1.1" });
  await one.nc.flush();
  await put(one, "m0.r.x.1.1", "genuine");
  assert.equal((await lastOnSubject(one, "M0", "m0.r.forged.1.1"))?.forged, true, "the test's own premise");
  const folder = await place(t);
  await save(one, folder);
  const other = await aLink(t);
  await restore(other, folder);
  assert.equal(await text(other, "M0", "m0.r.forged.1.1"), undefined);
  assert.equal(await text(other, "M0", "m0.r.x.1.1"), "genuine");
});

test("nothing is overwritten, and a broken or half copy changes nothing", async (t) => {
  const one = await installed(t);
  const folder = await place(t);
  await save(one, folder);
  await assert.rejects(restore(one, folder), { name: "NotEmpty" });
  const other = await aLink(t);
  await assert.rejects(restore(other, await place(t)), { name: "BrokenCopy" });
  await writeFile(streamFile(folder, "M0"), "{}\n");
  await assert.rejects(restore(other, folder), { name: "BrokenCopy" });
  const jsm = await jetstreamManager(other.nc);
  assert.equal((await jsm.streams.names().next()).length, 0);
});

test("a restoration that was cut short is begun again", async (t) => {
  const one = await installed(t);
  await put(one, "m0.r.x.1.1", "whole");
  const folder = await place(t);
  await save(one, folder);
  const other = await aLink(t);
  const jsm = await jetstreamManager(other.nc);
  await jsm.streams.add({ name: "M0", subjects: ["m0.>"] });
  await put(other, "m0.r.x.9.9", "half");
  await restore(other, folder);
  assert.equal(await text(other, "M0", "m0.r.x.1.1"), "whole");
  assert.equal(await text(other, "M0", "m0.r.x.9.9"), undefined);
});

test("mailboxes that could not be seen to are a restoration that was cut short: nobody uses it, and it is begun again", async (t) => {
  const one = await installed(t);
  await put(one, "m0.r.x.1.1", "whole");
  const folder = await place(t);
  await save(one, folder);
  const other = await aLink(t);
  const options = { folder, replicas: undefined, log: silent, now: Date.now, restored: () => {} };
  let seen = 0;
  const complete = async (cut: boolean) => {
    seen++;
    assert.equal(await text(other, "M0", "m0.r.x.1.1"), "whole", "all is there by then");
    assert.equal(await text(other, "OWN", "own._.layout"), undefined, "daemons of a namespace wait, too");
    if (cut) throw new Error("cut short");
  };
  await assert.rejects(restoreStreams(other, { ...options, complete: () => complete(true) }), /cut short/);
  await assert.rejects(ensureInstallation(other, unbounded(1)), /was cut short: run it again/);
  await restoreStreams(other, { ...options, complete: () => complete(false) });
  assert.equal(seen, 2);
  assert.deepEqual(await findLayout(other), await findLayout(one));
  assert.deepEqual(JSON.parse((await text(other, "OWN", "own._.layout")) ?? ""), await findLayout(one));
});

test("a copy without a queue is of no installation, and nothing is made of it", async (t) => {
  const one = await installed(t);
  const folder = await place(t);
  const manifest = await save(one, folder);
  const streams = manifest.streams.filter(({ name }) => name !== "Q0");
  await writeFile(manifestFile(folder), JSON.stringify({ ...manifest, streams }));
  const other = await aLink(t);
  await assert.rejects(restore(other, folder), { name: "BrokenCopy", message: /no installation/ });
  const jsm = await jetstreamManager(other.nc);
  assert.equal((await jsm.streams.names().next()).length, 0);
});

test("a queue that is half restored is used by nobody, and the restoration is begun again", async (t) => {
  const one = await installed(t);
  await put(one, "m0.r.x.1.1", "whole");
  await put(one, key("a"), aJob("a", { kind: "inline", size: 6 }));
  const folder = await place(t);
  await save(one, folder);
  const other = await aLink(t);
  const cut = ({ name }: Restored) => {
    if (name === "Q0") throw new Error("cut short");
  };
  const options = { folder, replicas: undefined, log: silent, now: Date.now, restored: cut };
  await assert.rejects(restoreStreams(other, options), /cut short/);
  await assert.rejects(ensureInstallation(other, unbounded(1)), /was cut short: run it again/);
  await put(other, "m0.r.x.9.9", "half");
  await restore(other, folder);
  assert.deepEqual(await findLayout(other), await findLayout(one));
  assert.equal(await text(other, "M0", "m0.r.x.9.9"), undefined);
  assert.match((await text(other, "Q0", key("a"))) ?? "", /octets$/);
  await ensureInstallation(other, unbounded(1)); // as the next daemon does
  await assert.rejects(restore(other, folder), { name: "NotEmpty" });
});
