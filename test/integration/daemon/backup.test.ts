/**
 * `postfleet backup` and `postfleet restore` on a data folder, while its daemon runs and while none does. (Under load, and around
 * three nats-servers: `make drill`.)
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { backupCommand } from "../../../daemon/cli/backup.ts";
import { aHome, manifest } from "../../harness/manifest.ts";
import { startNextHop } from "../../harness/next-hop.ts";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import { submit } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";

/** While it is closed, the next hop defers whom it is to hold. */
let open = false;
const hop = await startNextHop({
  reply: ({ stage, line }) =>
    stage === "rcpt" && !open && /held/.test(line) ? "451 4.2.0 not today" : undefined,
});
const resources = manifest(aHome(hop.port));
/** Beyond what travels in a job's record. */
const large = `Subject: large\n\n${"A line of it.\n".repeat(25_000)}`;
let place: string;
let data: string;
let fleet: TestPostfleet;

before(async () => {
  place = await mkdtemp(join(tmpdir(), "postfleet-backup-"));
  data = join(place, "data");
  fleet = await startPostfleet({ resources, data });
});
after(async () => {
  await fleet[Symbol.asyncDispose]();
  await hop[Symbol.asyncDispose]();
  await rm(place, { recursive: true, force: true });
});

const copy = (name: string) => join(place, name);
const jobs = async () => (await fleet.command("queue", "list")).split("\n").filter(Boolean).length;
const inbox = () => fleet.command("mailbox", "show", "ann@home.example", "--folder", "INBOX");
const lastUid = async () =>
  Number(/(\d+)/.exec((await inbox()).trim().split("\n").at(-1) ?? "")?.[1] ?? Number.NaN);

async function lose(): Promise<void> {
  const nats = Number(await readFile(join(data, "nats", "nats.pid"), "utf8"));
  fleet.signal("SIGKILL");
  await fleet.exited;
  await untilTrue("nats-server to be gone", () => !existsSync(`/proc/${nats}`));
  await rm(data, { recursive: true });
}

test("what was queued and filed is there again, and what was delivered is not sent again", async () => {
  const port = fleet.port("smtp");
  for (const to of ["one@far.example", "held-one@far.example", "ann@home.example"]) {
    await submit(port, { to });
    await submit(port, { to, text: large });
  }
  await hop.received(2);
  await untilTrue("two jobs to be left", async () => (await jobs()) === 2);
  const seen = await inbox();
  const key = await readFile(join(data, "directory.key"));
  assert.match(await fleet.command("backup", copy("one")), /^\d+ records in \d+ streams, as of /m);
  assert.equal((await stat(copy("one"))).mode & 0o077, 0, "nobody else looks into it");
  await lose();
  assert.match(await fleet.command("restore", copy("one")), /1 mailboxes go on with new UIDs; 0 jobs/);
  await fleet.restart();
  assert.deepEqual(await readFile(join(data, "directory.key")), key);
  assert.equal(await inbox(), seen, "messages keep their UIDs");
  open = true;
  await untilTrue("the queue to be empty", async () => (await jobs()) === 0);
  assert.deepEqual(hop.messages.map(({ octets }) => octets.length > 300_000).toSorted(), [
    false,
    false,
    true,
    true,
  ]);
  assert.equal(await fleet.command("mailbox", "verify"), "1 mailboxes, 0 problems\n");
});

test("new messages get UIDs that nobody can have seen", async () => {
  const before = await inbox();
  await submit(fleet.port("smtp"), { to: "ann@home.example" });
  await untilTrue("it to be filed", async () => (await inbox()) !== before);
  assert.ok((await lastUid()) > 1_000_000);
});

test("a copy is made without a daemon as well", async () => {
  const seen = await inbox();
  fleet.signal("SIGTERM");
  assert.equal(await fleet.exited, 0);
  await fleet.command("backup", copy("two"));
  await rm(data, { recursive: true });
  await fleet.command("restore", copy("two"));
  await fleet.restart();
  assert.equal(await inbox(), seen);
});

test("nothing is overwritten: neither a copy nor an installation", async () => {
  await assert.rejects(fleet.command("backup", copy("two")), /holds a copy already: name a new folder/);
  await assert.rejects(fleet.command("restore", copy("two")), /is in use by process/);
  fleet.signal("SIGTERM");
  await fleet.exited;
  await assert.rejects(fleet.command("restore", copy("two")), /there is mail already/);
  await assert.rejects(fleet.command("restore", copy("none")), /holds no finished copy/);
  await fleet.restart();
});

test("a folder that holds no installation is not saved, and nothing is made there", async () => {
  const context = { out: { line: () => {}, error: () => {} }, env: {}, signal: new AbortController().signal };
  const backup = (folder: string) => backupCommand([copy("three"), "--data", folder], context);
  await assert.rejects(backup(copy("typo")), /is no data folder/);
  assert.equal(existsSync(copy("typo")) || existsSync(copy("three")), false);
});
