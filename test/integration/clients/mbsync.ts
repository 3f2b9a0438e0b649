/**
 * mbsync, both ways: what it finds, what it changes there and here, and nothing left to do the second time.
 */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../harness/programs.ts";
import { filled, flow, folder, listed, message, password, type Target } from "./target.ts";

const settings = (here: string, port: number, user: string) => `
IMAPAccount server
Host 127.0.0.1
Port ${port}
User ${user}
Pass "${password}"
SSLType None
AuthMechs LOGIN

IMAPStore far
Account server

MaildirStore near
Path ${here}/
Inbox ${here}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Remove Both
CopyArrivalDate yes
SyncState *
`;

export async function mbsync(target: Target, user: string): Promise<void> {
  await using here = await folder();
  await filled(target, user, ...Array.from({ length: 10 }, (_, i) => `s${i}`));
  const rc = join(here.path, ".mbsyncrc");
  await writeFile(rc, settings(here.path, target.imap, user));
  const sync = () => run("mbsync", ["-c", rc, "-a"]);
  const files = async () =>
    (await readdir(here.path, { recursive: true })).filter((name) => /\/(cur|new)\//.test(name)).sort();
  /** The files of messages with these subjects. */
  const named = async (...subjects: readonly string[]) => {
    const texts = await Promise.all(
      (await files()).map(async (name) => [name, await readFile(join(here.path, name), "latin1")] as const),
    );
    return subjects.map(
      (subject) => texts.find(([, text]) => text.includes(`Subject: ${subject}\n`))?.[0] ?? "",
    );
  };
  await sync();
  const first = await files();
  assert.equal(first.length, 10);
  await sync();
  assert.deepEqual(await files(), first);
  // Both sides change: one removed, one flagged and read, a folder made here; one answered there.
  const [one = "", two = ""] = await named("s0", "s1");
  await rm(join(here.path, one));
  const read = two.replace("/new/", "/cur/").replace(/(:2,.*)?$/, ":2,FS");
  await rename(join(here.path, two), join(here.path, read));
  for (const name of ["cur", "new", "tmp"]) await mkdir(join(here.path, "Made", name), { recursive: true });
  await writeFile(join(here.path, "Made/new/1.here"), message("from-here").replaceAll("\r", ""));
  {
    await using client = await flow(target, user);
    await client.mailboxOpen("INBOX");
    await client.messageFlagsAdd({ subject: "s9" }, ["\\Answered"]);
  }
  await sync();
  const inbox = await listed(target, user, "INBOX");
  assert.equal(inbox.length, 9);
  assert.equal(inbox.filter((line) => line.includes("\\Flagged \\Seen")).length, 1);
  assert.ok(inbox.includes("s9 \\Answered"), inbox.join());
  assert.deepEqual(await listed(target, user, "Made"), ["from-here"]);
  const settled = await files();
  assert.ok(
    settled.some((name) => /:2,.*R/.test(name)),
    "the answered flag came here",
  );
  await sync();
  assert.deepEqual(await files(), settled);
  assert.deepEqual(await listed(target, user, "INBOX"), inbox);
}
