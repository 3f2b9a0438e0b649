/**
 * What every mailbox store must do for those who read, whatever it is made of. Run by `daemon/mailbox/session.test.ts`
 * and by `daemon/nats/mailbox/session.test.ts` against a real nats-server.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Quota } from "../../daemon/mailbox/store.ts";
import type { FolderChange, FolderView } from "../../daemon/mailbox/view.ts";
import {
  append,
  filled,
  type It,
  list,
  refused,
  type TestedStore,
  uids,
  view,
} from "../harness/mailbox-sessions.ts";
import { all, bob, calm, checkFigures, delivery, prefix } from "../harness/mailboxes.ts";
import { orderContract } from "./mailbox-orders.ts";

export function sessionContract(name: string, openStore: () => Promise<TestedStore>): void {
  const it: It = (what, run) =>
    test(`${name}: ${what}`, async () => {
      await using store = await openStore();
      await using stack = new AsyncDisposableStack();
      const open = async (quota: Quota = {}) =>
        stack.use(await store.open(bob, { quota: () => quota }, calm));
      await run({ store, session: await open(), open });
    });
  folders(it);
  renaming(it);
  orderContract(it);
  watching(it);
  reading(it);
  holding(it);
}

function folders(it: It): void {
  it("the first session finds the standard folders, subscribed, and they are made once", async ({
    session,
    open,
  }) => {
    const names = ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"];
    assert.deepEqual(
      session.folders().map((folder) => folder.name),
      names,
    );
    assert.deepEqual(
      session.folders().map((folder) => folder.use),
      [undefined, "\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"],
    );
    assert.ok(session.folders().every((folder) => folder.subscribed && folder.highestModseq >= 1));
    assert.deepEqual([...session.subscriptions()], names);
    await session.delete("Archive", calm);
    const again = await open();
    assert.equal(again.folder("Archive"), undefined);
    assert.ok(again.subscriptions().includes("Archive"));
  });

  it("a mailbox that mail came to before keeps it", async ({ store, session }) => {
    await store.deliver(delivery("early"), calm);
    await session.sync(calm);
    assert.equal(session.folder("inbox")?.messages, 1);
  });

  it("folders are made with their parents, and told as they are", async ({ session }) => {
    const made = await session.create("Lists/node/core/", undefined, calm);
    assert.equal(made.name, "Lists/node/core");
    const names = session.folders().map((folder) => folder.name);
    for (const name of ["Lists", "Lists/node", "Lists/node/core"]) assert.ok(names.includes(name), name);
    assert.equal(session.folder("Lists")?.hasChildren, true);
    assert.equal(made.hasChildren, false);
    assert.equal(made.subscribed, false);
    const validities = session.folders().map((folder) => folder.uidValidity);
    assert.equal(new Set(validities).size, validities.length);
    await refused(
      session.create("lists", undefined, calm).then(() => session.create("Lists", undefined, calm)),
      "ALREADYEXISTS",
    );
  });

  for (const [what, name] of [
    ["nothing", ""],
    ["a wildcard", "a*b"],
    ["an empty level", "a//b"],
    ["a control character", "a\u0007"],
    ["too many octets", "x".repeat(600)],
  ] as const)
    it(`a folder is not named with ${what}`, async ({ session }) =>
      refused(session.create(name, undefined, calm), "CANNOT"));

  it("names are one in NFC and NFD, and INBOX in any case", async ({ session }) => {
    await session.create("Bu\u0308ro", undefined, calm);
    assert.equal(session.folder("B\u00fcro")?.name, "B\u00fcro");
    await refused(session.create("B\u00fcro", undefined, calm), "ALREADYEXISTS");
    await refused(session.create("inBOX", undefined, calm), "ALREADYEXISTS");
    assert.equal((await session.create("inbox/x", undefined, calm)).name, "INBOX/x");
  });

  it("what must not be deleted is not", async ({ session }) => {
    await session.create("a/b", undefined, calm);
    await refused(session.delete("a", calm), "HASCHILDREN");
    await refused(session.delete("INBOX", calm), "CANNOT");
    await refused(session.delete("nope", calm), "NONEXISTENT");
    await session.delete("a/b", calm);
    await session.delete("a", calm);
    assert.equal(session.folder("a"), undefined);
  });

  it("a deleted folder takes its messages along, and its name comes back with a higher UIDVALIDITY", async ({
    store,
    session,
  }) => {
    const seen = await filled(session, ["one", "two"], "Trash");
    const changes: FolderChange[] = [];
    seen.listen((change) => changes.push(change));
    const before = session.folder("Trash");
    await session.delete("Trash", calm);
    assert.deepEqual(changes, [{ kind: "deleted" }]);
    assert.equal(seen.folder.name, "Trash");
    await refused(seen.expunge(uids(1), calm), "NONEXISTENT");
    assert.equal((await checkFigures(store)).messages, 0);
    const after = await session.create("Trash", "\\Trash", calm);
    assert.ok(after.uidValidity > (before?.uidValidity ?? 0));
    assert.notEqual(after.id, before?.id);
    assert.equal(after.uidNext, 1);
  });

  it("subscriptions outlive folders", async ({ session }) => {
    await session.create("x", undefined, calm);
    await session.subscribe("x", true, calm);
    await session.delete("x", calm);
    assert.ok(session.subscriptions().includes("x"));
    await session.subscribe("x", false, calm);
    await session.subscribe("never", true, calm);
    assert.ok(!session.subscriptions().includes("x"));
    assert.ok(session.subscriptions().includes("never"));
  });
}

function renaming(it: It): void {
  it("a folder is renamed with its children, and keeps what it is", async ({ session }) => {
    await session.create("a/b/c", undefined, calm);
    await filled(session, ["x"], "a/b");
    const before = session.folder("a/b");
    await session.rename("a", "p/q", calm);
    const after = session.folder("p/q/b");
    assert.deepEqual(after && { ...after, name: "a/b" }, before);
    assert.ok(session.folder("p"));
    assert.ok(session.folder("p/q/b/c"));
    assert.equal(session.folder("a"), undefined);
    assert.deepEqual(list(await view(session, "p/q/b")), [1]);
  });

  it("what cannot be renamed is refused", async ({ session }) => {
    await session.create("a", undefined, calm);
    await refused(session.rename("nope", "b", calm), "NONEXISTENT");
    await refused(session.rename("a", "Sent", calm), "ALREADYEXISTS");
    await refused(session.rename("a", "a/b", calm), "CANNOT");
    await refused(session.rename("a", "b//c", calm), "CANNOT");
  });

  it("renaming INBOX moves its messages and leaves it, empty and with a higher UIDVALIDITY", async ({
    store,
    session,
  }) => {
    await session.create("INBOX/sub", undefined, calm);
    const seen = await filled(session, ["one", "two"]);
    const before = session.folder("INBOX");
    await session.rename("INBOX", "Old/mail", calm);
    const inbox = session.folder("INBOX");
    assert.equal(inbox?.messages, 0);
    assert.ok((inbox?.uidValidity ?? 0) > (before?.uidValidity ?? 0));
    assert.equal(session.folder("Old/mail")?.messages, 2);
    assert.ok(session.folder("INBOX/sub"));
    assert.equal(seen.folder.name, "Old/mail");
    await store.deliver(delivery("new"), calm);
    await session.sync(calm);
    assert.equal(session.folder("INBOX")?.messages, 1);
    await checkFigures(store);
  });
}

/** Resolves when the condition holds; asked whenever something changes. */
function until(seen: FolderView, condition: () => boolean): Promise<void> {
  if (condition()) return Promise.resolve();
  return new Promise((resolve) => {
    const forget = seen.listen(() => {
      if (!condition()) return;
      forget();
      resolve();
    });
  });
}

function watching(it: It): void {
  it("a session hears what another does, in order", async ({ session, open }) => {
    const seen = await view(session);
    const other = await view(await open());
    const changes: FolderChange[] = [];
    seen.listen((change) => changes.push(change));
    await (await open()).append("INBOX", [append("a"), append("b")], calm);
    await other.store({ uids: uids(2), how: "add", flags: ["\\Seen"] }, calm);
    await other.expunge(uids(1), calm);
    await until(seen, () => seen.messages.length === 1);
    assert.deepEqual(
      changes.map((change) => [
        change.kind,
        ...("messages" in change
          ? change.messages.map(({ uid }) => uid)
          : "uids" in change
            ? change.uids
            : []),
      ]),
      [
        ["exists", 1, 2],
        ["flags", 2],
        ["vanished", 1],
      ],
    );
  });

  it("new mail is told to who looks at the folder, and its status to who does not", async ({
    store,
    session,
  }) => {
    const seen = await view(session);
    const told: string[] = [];
    session.listen((change) => told.push(change.kind === "status" ? change.folder.name : change.kind));
    await store.deliver(delivery("new"), calm);
    await until(seen, () => seen.messages.length === 1);
    await session.create("x", undefined, calm);
    assert.deepEqual(told, ["INBOX", "folders"]);
  });

  it("a listener that was taken back hears nothing, nor one of a view that was closed", async ({
    session,
  }) => {
    const [first, second] = [await view(session), await view(session)];
    const heard: string[] = [];
    first.listen(() => heard.push("first"))();
    second.listen(() => heard.push("second"));
    second[Symbol.dispose]();
    await session.append("INBOX", [append("a")], calm);
    assert.deepEqual(heard, []);
    assert.equal(first.messages.length, 1);
  });

  it("a list that was taken does not change", async ({ session }) => {
    const seen = await filled(session, ["a", "b"]);
    const before = seen.messages;
    await seen.store({ uids: uids(1), how: "add", flags: ["\\Seen"] }, calm);
    await seen.expunge(uids(2), calm);
    assert.deepEqual(
      before.map(({ uid, flags }) => [uid, flags.length]),
      [
        [1, 0],
        [2, 0],
      ],
    );
  });

  it("what was delivered before is there after sync", async ({ store, session }) => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => store.deliver(delivery(`${i}`), calm)));
    await session.sync(calm);
    assert.equal(session.folder("INBOX")?.messages, 20);
    assert.equal((await view(session)).messages.length, 20);
  });
}

function reading(it: It): void {
  it("ranges are read, also across prefix and chunks", async ({ store, session }) => {
    const octets = Buffer.alloc(1_200_000, "0123456789abcdef");
    await store.deliver(delivery(octets), calm);
    await session.sync(calm);
    const seen = await view(session);
    const [message] = seen.messages;
    assert.ok(message);
    const whole = Buffer.concat([Buffer.from(prefix), octets]);
    for (const [offset, size] of [
      [0, 5],
      [prefix.length - 2, 4],
      [524_280, 30],
      [1_048_000, 999_999_999],
      [whole.length, 5],
      [0, whole.length],
      [7, 0],
    ] as const) {
      const read = Buffer.concat(await all(seen.read(message, { offset, size }, calm)));
      assert.ok(read.equals(whole.subarray(offset, offset + size)), `${offset} ${size}`);
    }
  });

  it("digests tell envelope and structure, with offsets into the message as it is read", async ({
    store,
    session,
  }) => {
    const mail =
      "Subject: hello\r\nFrom: Ann <ann@a.example>\r\nReferences: <1@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n";
    await store.deliver(delivery(mail), calm);
    await session.append("INBOX", [append("Subject: second\r\n\r\n"), append("")], calm);
    const seen = await view(session);
    const [first, second, empty] = await seen.digests(seen.messages, calm);
    assert.equal(first?.envelope.subject, "hello");
    assert.deepEqual(first?.envelope.from, [{ name: "Ann", local: "ann", host: "a.example" }]);
    assert.deepEqual(first?.references, ["<1@x>"]);
    const [message] = seen.messages;
    assert.ok(first && message);
    const part = async (range: { offset: number; size: number }) =>
      Buffer.concat(await all(seen.read(message, range, calm))).toString();
    assert.deepEqual(await Promise.all(first.structure.parts.map(({ body }) => part(body))), ["one", "<p>"]);
    assert.ok((await part(first.structure.header)).startsWith(`${prefix}Subject:`));
    assert.equal(second?.envelope.subject, "second");
    assert.deepEqual([empty?.structure.type, empty?.structure.body.size], ["text", 0]);
  });

  it("small messages are read at once, in the order asked for, whatever is missing", async ({
    store,
    session,
  }) => {
    await store.deliver(delivery("with a prefix"), calm);
    await session.append("INBOX", [append(""), append("three"), append("four")], calm);
    await session.sync(calm);
    const seen = await view(session);
    const [one, two, three, four] = seen.messages;
    assert.ok(one && two && three && four);
    const lost = { ...four, content: { ...four.content, bodyId: "nobody" } };
    const found = await seen.octets([three, one, lost, two, three], calm);
    assert.deepEqual(
      found.map((octets) => octets?.toString()),
      ["three", `${prefix}with a prefix`, undefined, "", "three"],
    );
    assert.deepEqual(await seen.octets([], calm), []);
  });

  it("the header of a large message comes with its digest, if it comes, as it is", async ({
    store,
    session,
  }) => {
    const header = "Subject: \xe4 raw\r\nX-Long: y\r\n\r\n";
    await store.deliver(delivery(Buffer.from(`${header}${"body\r\n".repeat(5_000)}`, "latin1")), calm);
    await session.sync(calm);
    const seen = await view(session);
    const [digest] = await seen.digests(seen.messages, calm);
    const [message] = seen.messages;
    assert.ok(digest && message);
    const read = Buffer.concat(await all(seen.read(message, digest.structure.header, calm)));
    assert.equal(read.toString("latin1"), `${prefix}${header}`);
    if (digest.header) assert.deepEqual(digest.header, read);
  });

  it("copies of one body have the same content", async ({ session }) => {
    const seen = await filled(session, ["a"]);
    await seen.copy(uids(1), "INBOX", calm);
    const [one, two] = seen.messages;
    assert.equal(one?.content.bodyId, two?.content.bodyId);
  });
}

function holding(it: It): void {
  it("a mailbox is held by one at a time", async ({ store }) => {
    const first = await store.exclusive(bob, calm);
    assert.ok(first);
    assert.equal(await store.exclusive(bob, calm), undefined);
    assert.equal(first.lost.aborted, false);
    await first[Symbol.asyncDispose]();
    const second = await store.exclusive(bob, calm);
    assert.ok(second);
    await second[Symbol.asyncDispose]();
  });
}
