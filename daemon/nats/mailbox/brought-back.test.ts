/**
 * A mailbox stream that is restored from a copy under running daemons: nobody goes on with what was, and what is there
 * is seen at once.
 */
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mailboxStore } from "../../../test/harness/mailbox-store.ts";
import { alice, bob, calm, delivery, pieces } from "../../../test/harness/mailboxes.ts";
import { linkTo, startNats } from "../../../test/harness/nats-server.ts";
import { bringBack, copyStream } from "../../../test/harness/stream-copy.ts";
import type { MailboxSession } from "../../mailbox/session.ts";
import { BroughtBack, type Uid } from "../../mailbox/store.ts";
import type { Link } from "../connect.ts";
import { ensureMailboxStreams } from "./streams.ts";
import { mailStream } from "./subjects.ts";

const M0 = mailStream(0);
const quota = () => ({});

async function world(dir?: string) {
  await using parts = new AsyncDisposableStack();
  const nats = parts.use(await startNats(undefined, dir === undefined ? {} : { dir }));
  const connect = async () => parts.use(await linkTo(nats));
  const link = await connect();
  await ensureMailboxStreams(link, 1, { replicas: 1, bytes: 0 });
  const open = (to: Link) => parts.use(mailboxStore(to));
  const here = open(link);
  const there = open(await connect());
  const owned = parts.move();
  return { nats, link, here, there, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const append = (session: MailboxSession, text: string) =>
  session.append("INBOX", [{ flags: [], size: text.length, body: pieces(Buffer.from(text)) }], calm);

const inbox = async (session: MailboxSession) => {
  const view = await session.select("INBOX", calm);
  assert.ok(view);
  return view;
};
const uids = async (session: MailboxSession) => (await inbox(session)).messages.map(({ uid }) => uid);

test("restored beside everybody: sessions end, caches go, the next ones see what is there", async () => {
  await using w = await world();
  await using session = await w.here.open(bob, { quota }, calm);
  await append(session, "first");
  await append(session, "second");
  const { uidValidity } = (await inbox(session)).folder;
  const copy = await copyStream(w.link.nc, M0);
  await append(session, "after the copy");
  assert.deepEqual(await uids(session), [1, 2, 3]);

  await bringBack(w.link.nc, copy);
  // The connection has never gone: only the leader's word tells.
  await assert.rejects(session.sync(calm), BroughtBack);
  assert.equal(session.lost.aborted, true);
  await assert.rejects(append(session, "by a session of before"), BroughtBack);
  await using next = await w.here.open(bob, { quota }, calm);
  assert.deepEqual(await uids(next), [1, 2], "UIDs are those of the copy");
  assert.equal((await inbox(next)).folder.uidValidity, uidValidity);
  assert.equal(next.lost.aborted, false);
  assert.deepEqual((await w.here.deliver(delivery("new"), calm)).kind, "filed");
  await next.sync(calm);
  assert.deepEqual(await uids(next), [1, 2, 3]);
});

test("after `restored` UIDs stay, and nothing that was given out since the copy is given out again", async () => {
  await using w = await world();
  {
    await using session = await w.here.open(bob, { quota }, calm);
    for (const text of ["first", "second", "third"]) await append(session, text);
  }
  const copy = await copyStream(w.link.nc, M0);
  let seen: { readonly highestModseq: number; readonly uidNext: number; readonly uidValidity: number };
  {
    await using session = await w.here.open(bob, { quota }, calm);
    const view = await inbox(session);
    await append(session, "seen by a client, and lost");
    await view.store({ uids: [1, 2] as Uid[], how: "add", flags: ["\\Seen"] }, calm);
    await view.expunge([3] as Uid[], calm);
    seen = view.folder;
  }
  await bringBack(w.link.nc, copy);
  assert.equal(await w.there.restored(bob, calm), true);
  await using session = await w.here.open(bob, { quota }, calm);
  const view = await inbox(session);
  assert.equal(view.folder.uidValidity, seen.uidValidity);
  assert.deepEqual(await uids(session), [1, 2, 3]);
  // What a client hears that comes with what it has seen: all messages as changed, and what is not there.
  assert.ok(view.messages.every(({ modseq }) => modseq > seen.highestModseq));
  assert.equal((await view.vanished(seen.highestModseq, calm)).complete, false);
  const {
    uids: [next = 0],
  } = await append(session, "the next");
  assert.ok(next > seen.uidNext);
  assert.ok(view.folder.highestModseq > seen.highestModseq);
  const since = view.folder.highestModseq;
  await view.expunge([next as Uid], calm);
  assert.deepEqual(await view.vanished(since, calm), { uids: [next], complete: true });
  assert.deepEqual(await w.there.verify(bob, calm), []);
  assert.equal(await w.there.restored(alice, calm), false);
});

test("a session that is open while it is said hears that every message has changed", async () => {
  await using w = await world();
  await using session = await w.here.open(bob, { quota }, calm);
  await append(session, "first");
  const view = await inbox(session);
  const { highestModseq } = view.folder;
  const told = new Promise<readonly number[]>((resolve) => {
    view.listen((change) => {
      if (change.kind === "flags") resolve(change.messages.map(({ modseq }) => modseq));
    });
  });
  await w.there.restored(bob, calm);
  const [modseq = 0] = await told;
  assert.ok(modseq > highestModseq);
  assert.equal(view.messages[0]?.modseq, modseq);
});

test("restored, and written further than it was before anybody looked", async () => {
  await using w = await world();
  await using session = await w.here.open(bob, { quota }, calm);
  await append(session, "first");
  const copy = await copyStream(w.link.nc, M0);
  await append(session, "after the copy");
  await bringBack(w.link.nc, copy);
  await new Promise((resolve) => setTimeout(resolve, 2_500)); // as clocks differ by less
  for (let n = 0; n < 20; n++) await w.there.deliver(delivery(`by another pod ${n}`), calm);
  await w.nats.restart(); // the connection is lost: streams are followed anew
  await new Promise<void>((resolve) => {
    if (session.lost.aborted) resolve();
    else session.lost.addEventListener("abort", () => resolve());
  });
  await using next = await w.here.open(bob, { quota }, calm);
  assert.equal((await uids(next)).length, 21);
});

test("a store that is put in place of the other while NATS is down", async () => {
  const dir = await mkdtemp(join(tmpdir(), "pf-brought-back-"));
  try {
    await using w = await world(dir);
    {
      await using session = await w.here.open(bob, { quota }, calm);
      await append(session, "first");
    }
    await w.nats.stop();
    await cp(join(dir, "js"), join(dir, "copy"), { recursive: true });
    await w.nats.restart();
    {
      await using session = await w.here.open(bob, { quota }, calm);
      await append(session, "after the copy");
      assert.deepEqual(await uids(session), [1, 2]);
    }
    await w.nats.stop();
    await rm(join(dir, "js"), { recursive: true });
    await cp(join(dir, "copy"), join(dir, "js"), { recursive: true });
    await w.nats.restart();
    await using session = await w.here.open(bob, { quota }, calm);
    assert.deepEqual(await uids(session), [1], "what lingered is not told");
    await append(session, "goes on");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test("a NATS that only restarts ends no session", async () => {
  await using w = await world();
  await using session = await w.here.open(bob, { quota }, calm);
  await append(session, "first");
  await w.nats.kill9();
  await w.nats.restart();
  await append(session, "second");
  await session.sync(calm);
  assert.deepEqual(await uids(session), [1, 2]);
  assert.equal(session.lost.aborted, false);
});
