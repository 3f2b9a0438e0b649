import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { alice, all, bob, calm, delivery, pieces } from "../../test/harness/mailboxes.ts";
import { systemClock } from "../kit/clock.ts";
import { MemoryMailboxStore } from "../mailbox/memory.ts";
import type { MailboxSession } from "../mailbox/session.ts";
import { CommandError } from "./context.ts";
import { exportMailbox } from "./mailbox-export.ts";
import { folderOfFile, importMailbox } from "./mailbox-import.ts";

const quota = () => ({});

async function temporary(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-import-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

interface Shown {
  readonly folder: string;
  readonly text: string;
  readonly flags: readonly string[];
  /** s since the epoch */
  readonly date: number;
}

async function shown(session: MailboxSession): Promise<Shown[]> {
  const found: Shown[] = [];
  for (const { name } of session.folders()) {
    const view = await session.select(name, calm);
    for (const message of view?.messages ?? []) {
      const octets = await all(view?.read(message, undefined, calm) ?? pieces(Buffer.alloc(0)));
      const { flags, internalDate } = message;
      found.push({
        folder: name,
        text: Buffer.concat(octets).toString(),
        flags,
        date: Math.floor(internalDate / 1000),
      });
    }
  }
  return found;
}

const mails = [
  [
    "INBOX",
    "Subject: one\r\n\r\nFrom me\r\n>From you\r\n\r\nFrom the middle\r\n",
    ["\\Seen"],
    1_600_000_000_000,
  ],
  ["INBOX", "Subject: two\r\n\r\nno end", [], 1_600_000_001_000],
  ["Lists/node.js", "Subject: three\r\n\r\n", ["\\Answered", "\\Flagged"], 1_600_000_002_000],
  ["Büro=1", "\r\nno header\r\n", ["\\Draft"], 1_600_000_003_000],
] as const;

for (const format of ["maildir", "mbox"] as const)
  test(`what was exported as ${format} is imported again`, async (t) => {
    await using store = new MemoryMailboxStore(systemClock);
    for (const [folder, text, flags, receivedAt] of mails)
      await store.deliver(delivery(text, { folder, flags, receivedAt, prefix: "" }), calm);
    await using source = await store.open(bob, { quota }, calm);
    const to = join(await temporary(t), "out");
    await exportMailbox({ store, mailbox: bob, folders: source.folders(), format, to, signal: calm });
    await using target = await store.open(alice, { quota }, calm);
    const done = await importMailbox({ session: target, format, from: to, folder: undefined, signal: calm });
    assert.equal(done.messages, 4);
    const plain = (list: readonly Shown[]) => list.map((each) => ({ ...each, text: settled(each.text) }));
    assert.deepEqual(plain(await shown(target)), plain(await shown(source)));
  });

/** mbox adds its `Status` fields and the last line's end. */
const settled = (text: string) => text.replace(/^(X-)?Status: .*\r\n/gm, "").replace(/(\r\n)*$/, "\r\n");

test("everything may go into one folder, which is made", async (t) => {
  const from = await temporary(t);
  await mkdir(join(from, "new"));
  await mkdir(join(from, ".Sent", "cur"), { recursive: true });
  await writeFile(join(from, "new", "1.a"), "Subject: a\n\nx\n");
  await writeFile(join(from, ".Sent", "cur", "2.b:2,FS"), "Subject: b\n\ny\n");
  await utimes(join(from, "new", "1.a"), 1_000, 1_000);
  await using store = new MemoryMailboxStore(systemClock);
  await using session = await store.open(bob, { quota }, calm);
  await importMailbox({ session, format: "maildir", from, folder: "Old/mail", signal: calm });
  const found = await shown(session);
  assert.deepEqual(
    found.map(({ folder, text, flags }) => [folder, text, flags]),
    [
      ["Old/mail", "Subject: a\r\n\r\nx\r\n", []],
      ["Old/mail", "Subject: b\r\n\r\ny\r\n", ["\\Flagged", "\\Seen"]],
    ],
  );
  assert.equal(found[0]?.date, 1_000);
});

test("a full mailbox ends the import with a sentence that says how far it came", async (t) => {
  const from = await temporary(t);
  const file = join(from, "x.mbox");
  await writeFile(
    file,
    "From a Thu Jan  1 00:00:10 1970\n\n12\n\nFrom a Thu Jan  1 00:00:20 1970\n\n1234567890\n\n",
  );
  await using store = new MemoryMailboxStore(systemClock);
  await using session = await store.open(bob, { quota: () => ({ bytes: 12 }) }, calm);
  const order = { session, format: "mbox", from: file, folder: undefined, signal: calm } as const;
  await assert.rejects(
    importMailbox(order),
    (error) => error instanceof CommandError && /no room.*1 messages were added/.test(error.message),
  );
  assert.deepEqual(
    (await shown(session)).map(({ text, date }) => [text, date]),
    [["\r\n12\r\n", 10]],
  );
});

for (const [what, format] of [
  ["an empty folder", "maildir"],
  ["an empty folder", "mbox"],
] as const)
  test(`${what} holds no ${format}`, async (t) => {
    await using store = new MemoryMailboxStore(systemClock);
    await using session = await store.open(bob, { quota }, calm);
    const order = { session, format, from: await temporary(t), folder: undefined, signal: calm };
    await assert.rejects(importMailbox(order), /holds no/);
  });

test("file names are folders again", () => {
  for (const [file, folder] of [
    ["a.b", "a/b"],
    ["a=2Eb", "a.b"],
    ["B=C3=BCro", "Büro"],
    ["Büro=3D1", "Büro=1"],
    ["inbox", "INBOX"],
  ] as const)
    assert.equal(folderOfFile(file), folder);
});
