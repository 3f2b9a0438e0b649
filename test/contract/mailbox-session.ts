/**
 * What every mailbox store must do for those who read, whatever it is made of. Run by `daemon/mailbox/session.test.ts`
 * and by `daemon/nats/mailbox/session.test.ts` against a real nats-server.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Quota } from "../../daemon/mailbox/store.ts";
import type { FolderChange } from "../../daemon/mailbox/view.ts";
import { filled, type It, list, refused, type TestedStore, uids, view } from "../harness/mailbox-sessions.ts";
import { bob, calm, checkFigures, delivery } from "../harness/mailboxes.ts";
import { orderContract } from "./mailbox-orders.ts";
import { readingContract, watchingContract } from "./mailbox-views.ts";

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
  watchingContract(it);
  readingContract(it);
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
