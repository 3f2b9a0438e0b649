/**
 * What every mailbox store must do for those who look into a folder: what they are told, and what they read. Part of
 * `mailbox-session.ts`.
 */
import assert from "node:assert/strict";
import type { FolderChange, FolderView } from "../../daemon/mailbox/view.ts";
import { append, filled, type It, uids, view } from "../harness/mailbox-sessions.ts";
import { all, calm, delivery, prefix } from "../harness/mailboxes.ts";

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

export function watchingContract(it: It): void {
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

export function readingContract(it: It): void {
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
