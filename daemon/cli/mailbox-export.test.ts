import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { bob, calm, delivery } from "../../test/harness/mailboxes.ts";
import { systemClock } from "../kit/clock.ts";
import { MemoryMailboxStore } from "../mailbox/memory.ts";
import type { MailboxStore } from "../mailbox/store.ts";
import { CommandError } from "./context.ts";
import { type ExportFormat, exportMailbox, fileNameOf } from "./mailbox-export.ts";

const python = promisify(execFile);

/** Python's `mailbox` module as the judge: what it finds, as JSON. */
const judge = `
import json, mailbox, sys
kind, path = sys.argv[1:]
box = mailbox.Maildir(path, create=False) if kind == "maildir" else mailbox.mbox(path, create=False)
def told(message):
    return {
        "flags": message.get_flags(),
        "subdir": message.get_subdir() if kind == "maildir" else message.get_from(),
        "date": message.get_date() if kind == "maildir" else 0,
        "subject": message["Subject"],
        "to": message["Delivered-To"],
        "text": message.get_payload(),
    }
messages = sorted((told(m) for m in box), key=lambda m: m["subject"])
folders = sorted(box.list_folders()) if kind == "maildir" else []
inside = {f: len(box.get_folder(f)) for f in folders}
print(json.dumps({"messages": messages, "folders": inside}))
`;

interface Told {
  readonly flags: string;
  readonly subdir: string;
  readonly date: number;
  readonly subject: string;
  readonly to: string;
  readonly text: string;
}

async function judged(
  kind: ExportFormat,
  path: string,
): Promise<{ messages: Told[]; folders: Record<string, number> }> {
  const { stdout } = await python("python3", ["-c", judge, kind, path], { maxBuffer: 64 << 20 });
  return JSON.parse(stdout);
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "postfleet-export-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const mail = (subject: string, body: string) => `Subject: ${subject}\r\n\r\n${body}`;
const tricky =
  "From here on\r\n>From there\r\n >From inside\r\nno From \r\n\r\nFrom \r\nlast line without end";

async function filled(): Promise<MailboxStore> {
  const store = new MemoryMailboxStore(systemClock);
  const file = (text: string, over: Parameters<typeof delivery>[1] = {}) =>
    store.deliver(delivery(text, over), calm);
  await file(mail("1 unseen", "hello\r\n"));
  await file(mail("2 seen", tricky), { flags: ["\\Seen", "$Label"], receivedAt: 1_600_000_000_000 });
  await file(mail("3 flagged", ""), { flags: ["\\Flagged"] });
  await file(mail("4 large", "0123456789\r\n".repeat(100_000)), { flags: ["\\Answered", "\\Seen"] });
  await file(mail("5 list", "x\r\n"), { folder: "Lists/node.js" });
  await file(mail("6 escape", "x\r\n"), { folder: "../../up" });
  return store;
}

async function exported(store: MailboxStore, format: ExportFormat, to: string, only?: string) {
  const status = await store.status(bob, calm);
  const folders = (status?.folders ?? []).filter((f) => only === undefined || f.name === only);
  return exportMailbox({ store, mailbox: bob, folders, format, to, signal: calm });
}

const unquoted = (text: string) => text.replace(/^>(>*From )/gm, "$1");

test("a Maildir that others can read, flags and folders included", async (t) => {
  const to = await folder(t);
  const done = await exported(await filled(), "maildir", to);
  assert.equal(done.messages, 6);
  const { messages, folders } = await judged("maildir", to);
  assert.deepEqual(
    messages.map(({ subject, flags, subdir }) => [subject, flags, subdir]),
    [
      ["1 unseen", "", "new"],
      ["2 seen", "S", "cur"],
      ["3 flagged", "F", "cur"],
      ["4 large", "RS", "cur"],
    ],
  );
  assert.equal(messages[1]?.text, tricky.replaceAll("\r\n", "\n"));
  assert.equal(messages[1]?.date, 1_600_000_000);
  assert.equal(messages[3]?.text.length, 1_100_000);
  assert.ok(messages.every((message) => message.to === "bob@example.org"));
  const parents = { "=2E=2E": 0, "=2E=2E.=2E=2E": 0, Lists: 0 };
  assert.deepEqual(folders, { ...parents, "=2E=2E.=2E=2E.up": 1, "Lists.node=2Ejs": 1 });
});

test("Maildir file names are unique, tell the file's size, and leave tmp empty", async (t) => {
  const to = await folder(t);
  const { bytes } = await exported(await filled(), "maildir", to);
  assert.deepEqual(await readdir(join(to, "tmp")), []);
  const names = [...(await readdir(join(to, "new"))), ...(await readdir(join(to, "cur")))];
  assert.equal(new Set(names.map((name) => name.split(":")[0])).size, 4);
  let sum = 0;
  for (const sub of [".", ".Lists.node=2Ejs", ".=2E=2E.=2E=2E.up"])
    for (const part of ["new", "cur"])
      for (const name of await readdir(join(to, sub, part))) {
        const { size } = await stat(join(to, sub, part, name));
        assert.equal(Number(/,S=(\d+)/.exec(name)?.[1]), size);
        sum += size;
      }
  assert.equal(sum, bytes);
});

test("an mbox that others can read, with nothing lost", async (t) => {
  const to = await folder(t);
  await exported(await filled(), "mbox", to);
  const { messages } = await judged("mbox", join(to, "INBOX.mbox"));
  assert.deepEqual(
    messages.map(({ subject, flags }) => [subject, flags]),
    [
      ["1 unseen", "O"],
      ["2 seen", "RO"],
      ["3 flagged", "OF"],
      ["4 large", "ROA"],
    ],
  );
  assert.equal(messages[0]?.subdir, "a@example.test Tue Nov 14 22:13:20 2023");
  // Python takes the newline before the separator for its own.
  assert.equal(unquoted(messages[1]?.text ?? ""), `${tricky.replaceAll("\r\n", "\n")}\n`);
  assert.equal(messages[0]?.text, "hello\n");
  assert.equal(messages[3]?.text.length, 1_100_000);
  const files = (await readdir(to)).sort();
  const parents = ["=2E=2E.=2E=2E.mbox", "=2E=2E.mbox", "Lists.mbox"];
  const own = ["=2E=2E.=2E=2E.up.mbox", "INBOX.mbox", "Lists.node=2Ejs.mbox"];
  assert.deepEqual(files, [...parents, ...own].sort());
});

test("one folder alone", async (t) => {
  const to = await folder(t);
  const done = await exported(await filled(), "mbox", to, "Lists/node.js");
  assert.equal(done.messages, 1);
  assert.deepEqual(await readdir(to), ["Lists.node=2Ejs.mbox"]);
});

test("a folder that holds something is not written to", async (t) => {
  const to = await folder(t);
  await writeFile(join(to, "mine"), "");
  await assert.rejects(exported(await filled(), "maildir", to), CommandError);
  await assert.rejects(exported(await filled(), "maildir", join(to, "mine")), CommandError);
  assert.deepEqual(await readdir(to), ["mine"]);
});

test("a message that is removed meanwhile is left out", async (t) => {
  const to = await folder(t);
  const store = await filled();
  const gone: Pick<MailboxStore, "messages" | "read"> = {
    messages: store.messages.bind(store),
    read: async (box, name, uid, signal) => (uid === 2 ? undefined : store.read(box, name, uid, signal)),
  };
  const folders = [{ name: "INBOX", uidValidity: 1 }];
  for (const format of ["maildir", "mbox"] as const) {
    const target = join(to, format);
    const done = await exportMailbox({
      store: gone,
      mailbox: bob,
      folders,
      format,
      to: target,
      signal: calm,
    });
    assert.equal(done.messages, 3);
  }
});

const names = [
  ["INBOX", "INBOX"],
  ["a/b", "a.b"],
  ["a.b", "a=2Eb"],
  ["..", "=2E=2E"],
  ["/", "=.="],
  ["Entwürfe", "Entwürfe"],
  ["a\u0000b=", "a=00b=3D"],
] as const;
for (const [name, want] of names)
  test(`folder ${JSON.stringify(name)} as a file name`, () => assert.equal(fileNameOf(name), want));
