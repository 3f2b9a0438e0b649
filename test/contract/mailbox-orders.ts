/**
 * What the orders of readers must do: the part of the session contract about messages.
 */
import assert from "node:assert/strict";
import type { Uid } from "../../daemon/mailbox/store.ts";
import { append, filled, type It, list, refused, textOf, uids, view } from "../harness/mailbox-sessions.ts";
import { bob, calm, checkFigures, pieces } from "../harness/mailboxes.ts";

export function orderContract(it: It): void {
  appending(it);
  flagging(it);
  removing(it);
  copying(it);
}

function appending(it: It): void {
  it("an appended message is there as it was given", async ({ store, session }) => {
    const flags = ["\\seen", "$Label1", "\\Recent"];
    const done = await session.append(
      "INBOX",
      [append("Subject: x\r\n\r\nhi\r\n", { flags, internalDate: 5_000 })],
      calm,
    );
    assert.deepEqual(done.uids, [1]);
    const seen = await view(session);
    assert.equal(done.uidValidity, seen.folder.uidValidity);
    const [message] = seen.messages;
    assert.deepEqual(message?.flags, ["\\Seen", "$Label1"]);
    assert.deepEqual([message?.internalDate, message?.size], [5_000, 18]);
    assert.ok((message?.saveDate ?? 0) > 1_000_000);
    assert.equal(await textOf(seen, message), "Subject: x\r\n\r\nhi\r\n");
    assert.equal((await checkFigures(store)).messages, 1);
  });

  for (const size of [0, 60_000, 300_000, 1_300_000])
    it(`a message of ${size} octets is appended and read back`, async ({ session }) => {
      const octets = Buffer.alloc(size, "0123456789\r\n");
      await session.append("INBOX", [append("", { size, body: pieces(octets, 70_001) })], calm);
      const seen = await view(session);
      assert.equal(await textOf(seen, seen.messages[0]), octets.toString());
    });

  it("several messages are appended together, in order", async ({ session }) => {
    const done = await session.append(
      "INBOX",
      ["a", "b", "c"].map((text) => append(text)),
      calm,
    );
    assert.deepEqual(done.uids, [1, 2, 3]);
    const seen = await view(session);
    assert.equal(new Set(seen.messages.map((message) => message.modseq)).size, 1);
    assert.equal(await textOf(seen, seen.message(3 as Uid)), "c");
  });

  it("all or none: one that does not fit keeps the others out", async ({ store, open }) => {
    const session = await open({ bytes: 5 });
    await refused(session.append("INBOX", [append("123"), append("456")], calm), "OVERQUOTA");
    assert.equal(session.folder("INBOX")?.messages, 0);
    await session.append("INBOX", [append("123"), append("45")], calm);
    assert.equal((await checkFigures(store)).bytes, 5);
    await refused(session.append("INBOX", [append("1")], calm), "OVERQUOTA");
    assert.throws(() => session.admit("INBOX", 1), { code: "OVERQUOTA" });
  });

  it("a folder that does not exist may be created first", async ({ session }) => {
    await refused(session.append("nope", [append("1")], calm), "TRYCREATE");
    assert.throws(() => session.admit("nope", 1), { code: "TRYCREATE" });
    session.admit("INBOX", 1_000_000);
  });

  it("a body that breaks off appends nothing", async ({ session }) => {
    async function* broken() {
      yield Buffer.from("12");
      throw new Error("the client is gone");
    }
    await assert.rejects(
      session.append("INBOX", [append("", { size: 5, body: broken() })], calm),
      /client is gone/,
    );
    await assert.rejects(session.append("INBOX", [append("123", { size: 5 })], calm), {
      name: "StoreUnavailable",
    });
    assert.equal(session.folder("INBOX")?.messages, 0);
  });
}

function flagging(it: It): void {
  it("flags are added, removed, replaced, whatever their case", async ({ store, session }) => {
    const seen = await filled(session, ["a", "b", "c"]);
    const add = await seen.store({ uids: uids(1, 3), how: "add", flags: ["\\SEEN", "Work"] }, calm);
    assert.deepEqual(
      add.messages.map(({ uid, flags }) => [uid, ...flags]),
      [
        [1, "\\Seen", "Work"],
        [3, "\\Seen", "Work"],
      ],
    );
    assert.deepEqual([seen.folder.unseen, seen.folder.deleted], [1, 0]);
    await seen.store({ uids: uids(1), how: "remove", flags: ["work"] }, calm);
    assert.deepEqual(seen.message(1 as Uid)?.flags, ["\\Seen"]);
    await seen.store({ uids: uids(1, 2), how: "replace", flags: ["\\Deleted"] }, calm);
    assert.deepEqual([seen.folder.unseen, seen.folder.deleted], [2, 2]);
    assert.deepEqual(seen.keywords(), ["Work"]);
    await checkFigures(store);
  });

  it("what changes nothing does not raise the mod-sequence", async ({ session }) => {
    const seen = await filled(session, ["a"]);
    const first = seen.folder.highestModseq;
    await seen.store({ uids: uids(1), how: "add", flags: ["\\Seen"] }, calm);
    const second = seen.folder.highestModseq;
    assert.ok(second > first);
    assert.equal(seen.message(1 as Uid)?.modseq, second);
    const done = await seen.store({ uids: uids(1, 99), how: "add", flags: ["\\Seen"] }, calm);
    assert.deepEqual(
      done.messages.map(({ uid }) => uid),
      [1],
    );
    assert.equal(seen.folder.highestModseq, second);
  });

  it("UNCHANGEDSINCE refuses what was changed since, and only that", async ({ session }) => {
    const seen = await filled(session, ["a", "b"]);
    const since = seen.folder.highestModseq;
    await seen.store({ uids: uids(2), how: "add", flags: ["\\Flagged"] }, calm);
    const done = await seen.store(
      { uids: uids(1, 2), how: "add", flags: ["\\Seen"], unchangedSince: since },
      calm,
    );
    assert.deepEqual(done.modified, [2]);
    assert.deepEqual(
      done.messages.map(({ uid }) => uid),
      [1],
    );
    assert.deepEqual(seen.message(2 as Uid)?.flags, ["\\Flagged"]);
  });

  it("too many keywords are refused", async ({ session }) => {
    const seen = await filled(session, ["a"]);
    const many = Array.from({ length: 70 }, (_, i) => `k${i}`);
    await refused(seen.store({ uids: uids(1), how: "add", flags: many }, calm), "LIMIT");
    assert.deepEqual(seen.message(1 as Uid)?.flags, []);
  });
}

function removing(it: It): void {
  it("expunged messages are gone, their UIDs never used again, and remembered as vanished", async ({
    store,
    session,
  }) => {
    const seen = await filled(session, ["a", "b", "c", "d"]);
    const before = seen.folder.highestModseq;
    assert.deepEqual(await seen.expunge(uids(4, 2, 9), calm), [2, 4]);
    assert.deepEqual(list(seen), [1, 3]);
    await session.append("INBOX", [append("e")], calm);
    assert.deepEqual(list(seen), [1, 3, 5]);
    assert.deepEqual(await seen.vanished(before, calm), { uids: [2, 4], complete: true });
    await seen.expunge(uids(1), calm);
    assert.deepEqual((await seen.vanished(before + 1, calm)).uids, [1]);
    assert.deepEqual((await seen.vanished(seen.folder.highestModseq, calm)).uids, []);
    assert.equal((await checkFigures(store)).messages, 2);
    assert.equal(await store.read(bob, "INBOX", 2 as Uid, calm), undefined);
  });

  it("nothing to expunge changes nothing", async ({ session }) => {
    const seen = await filled(session, ["a"]);
    const { highestModseq } = seen.folder;
    assert.deepEqual(await seen.expunge(uids(7), calm), []);
    assert.deepEqual(await seen.expunge([], calm), []);
    assert.equal(seen.folder.highestModseq, highestModseq);
  });

  it("expunged room can be used again", async ({ open }) => {
    const session = await open({ bytes: 3, messages: 1 });
    const seen = await filled(session, ["abc"]);
    await refused(session.append("INBOX", [append("d")], calm), "OVERQUOTA");
    await seen.expunge(uids(1), calm);
    await session.append("INBOX", [append("def")], calm);
    assert.deepEqual(session.usage(), { bytes: 3, messages: 1, quota: { bytes: 3, messages: 1 } });
  });

  it("more messages than one unit holds are expunged, flagged, moved", async ({ store, session }) => {
    const texts = Array.from({ length: 700 }, (_, i) => `${i}`);
    for (let at = 0; at < 700; at += 175)
      await session.append(
        "INBOX",
        texts.slice(at, at + 175).map((text) => append(text)),
        calm,
      );
    const seen = await view(session);
    const every = seen.messages.map(({ uid }) => uid);
    await seen.store({ uids: every, how: "add", flags: ["\\Deleted"] }, calm);
    assert.equal(seen.folder.deleted, 700);
    const moved = await seen.move(every.slice(0, 350), "Trash", calm);
    assert.deepEqual(moved.to, moved.from);
    assert.equal((await seen.expunge(every, calm)).length, 350);
    const trash = await view(session, "Trash");
    assert.deepEqual(list(trash), every.slice(0, 350));
    assert.equal(await textOf(trash, trash.message(350 as Uid)), "349");
    assert.equal((await checkFigures(store)).messages, 350);
    await session.delete("Trash", calm);
    assert.equal((await checkFigures(store)).messages, 0);
  });
}

function copying(it: It): void {
  it("copies keep flags, dates and octets, and get UIDs of the target", async ({ store, session }) => {
    await session.append("Sent", [append("there already")], calm);
    await session.append(
      "INBOX",
      [append("abc", { flags: ["\\Seen", "K"], internalDate: 7_000 }), append("d")],
      calm,
    );
    const seen = await view(session);
    const done = await seen.copy(uids(1, 2, 77), "Sent", calm);
    assert.deepEqual(
      [done.from, done.to],
      [
        [1, 2],
        [2, 3],
      ],
    );
    assert.equal(done.uidValidity, session.folder("Sent")?.uidValidity);
    const sent = await view(session, "Sent");
    const copy = sent.message(2 as Uid);
    assert.deepEqual([copy?.flags, copy?.internalDate, copy?.size], [["\\Seen", "K"], 7_000, 3]);
    await seen.expunge(uids(1, 2), calm);
    assert.equal(await textOf(sent, sent.message(2 as Uid)), "abc");
    assert.equal((await checkFigures(store)).messages, 3);
  });

  it("a copy into the same folder is another message", async ({ session }) => {
    const seen = await filled(session, ["a"]);
    assert.deepEqual((await seen.copy(uids(1), "INBOX", calm)).to, [2]);
    assert.deepEqual(list(seen), [1, 2]);
  });

  it("moved messages are in one place only, with their flags", async ({ store, session }) => {
    await session.append("INBOX", [append("a", { flags: ["K"] }), append("b")], calm);
    const seen = await view(session);
    const before = seen.folder.highestModseq;
    const done = await seen.move(uids(1), "Archive", calm);
    assert.deepEqual([done.from, done.to], [[1], [1]]);
    assert.deepEqual(list(seen), [2]);
    assert.deepEqual((await seen.vanished(before, calm)).uids, [1]);
    const archive = await view(session, "Archive");
    assert.deepEqual(archive.messages[0]?.flags, ["K"]);
    await archive.move(uids(1), "Archive", calm);
    assert.deepEqual(list(archive), [2]);
    assert.equal((await checkFigures(store)).messages, 2);
    assert.equal(await textOf(archive, archive.messages[0]), "a");
  });

  it("a copy that does not fit, or has nowhere to go, is refused", async ({ open }) => {
    const session = await open({ bytes: 5 });
    const seen = await filled(session, ["abc"]);
    await refused(seen.copy(uids(1), "Sent", calm), "OVERQUOTA");
    await refused(seen.copy(uids(1), "nope", calm), "TRYCREATE");
    await refused(seen.move(uids(1), "nope", calm), "TRYCREATE");
    await seen.move(uids(1), "Sent", calm);
    assert.deepEqual(list(seen), []);
  });
}
