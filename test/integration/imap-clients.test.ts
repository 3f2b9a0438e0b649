/**
 * Clients that others wrote read and change mail in a real daemon, by IMAP: over TLS and compressed, and what is told to
 * them when the daemon ends. What needs neither is in `clients/`, where Dovecot is the reference.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { ImapFlow, type SearchObject } from "imapflow";
import { aDomain, aPolicy, aUser, manifest } from "../harness/manifest.ts";
import { startPostfleet } from "../harness/postfleet.ts";
import { needs, run } from "../harness/programs.ts";
import { submit } from "../harness/submit.ts";

const password = "correct-horse battery$staple";
const people = ["curl", "flow", "idle", "drain"].map((name) => `${name}@home.example`);
const fleet = await startPostfleet({
  resources: manifest(
    aDomain("home.example"),
    ...people.map((user) => aUser(user, password)),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.0/8"] } }),
  ),
});
after(() => fleet[Symbol.asyncDispose]());

const ca = join(fleet.data, "tls", "cert.pem");
const message = (subject: string) =>
  `From: x@home.example\r\nSubject: ${subject}\r\n\r\nThe text of ${subject}.\r\n`;

async function flow(user: string, secure = false): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: "127.0.0.1",
    port: fleet.port(secure ? "imaps" : "imap"),
    secure,
    auth: { user, pass: password },
    tls: { rejectUnauthorized: false },
    greetingTimeout: 120_000,
    logger: false,
    qresync: true,
  });
  await client.connect();
  return client;
}

const said = async (program: string, args: readonly string[]) => (await run(program, [...args])).stdout;

async function count(client: ImapFlow, folder: string): Promise<number | undefined> {
  const status = await client.status(folder, { messages: true });
  return status ? status.messages : undefined;
}

async function found(client: ImapFlow, what: SearchObject): Promise<readonly number[]> {
  return (await client.search(what)) || [];
}

test("curl appends, searches, fetches: plain, STARTTLS, TLS", needs("curl"), async () => {
  const login = ["-sS", "--user", `curl@home.example:${password}`];
  const file = join(fleet.data, "m.eml");
  await writeFile(file, message("curled"));
  const plain = `imap://${fleet.endpoint("imap")}`;
  await said("curl", [...login, "--upload-file", file, `${plain}/INBOX`]);
  assert.match(await said("curl", [...login, `${plain}/INBOX?SUBJECT%20curled`]), /^\* SEARCH 1/m);
  const local = `imap://localhost:${fleet.port("imap")}`;
  assert.equal(
    await said("curl", [...login, "--ssl-reqd", "--cacert", ca, `${local}/INBOX;UID=1`]),
    message("curled"),
  );
  const tls = `imaps://localhost:${fleet.port("imaps")}`;
  const text = await said("curl", [...login, "--cacert", ca, `${tls}/INBOX;UID=1;SECTION=TEXT`]);
  assert.equal(text, "The text of curled.\r\n");
});

test("imapflow: compressed, with CONDSTORE, over TLS", async () => {
  const client = await flow("flow@home.example", true);
  for (let i = 0; i < 20; i++)
    await client.append("INBOX", message(`f${i}`), i % 2 ? ["\\Seen"] : [], new Date(0));
  const lock = await client.getMailboxLock("INBOX");
  const subjects: string[] = [];
  for await (const each of client.fetch("1:*", {
    envelope: true,
    bodyStructure: true,
    source: true,
    flags: true,
  })) {
    subjects.push(each.envelope?.subject ?? "");
    assert.equal(each.source?.toString(), message(`f${each.seq - 1}`));
    assert.equal(each.bodyStructure?.type, "text/plain");
  }
  assert.deepEqual(
    subjects,
    Array.from({ length: 20 }, (_, i) => `f${i}`),
  );
  assert.deepEqual(await found(client, { body: "text of f1" }), [2, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  assert.equal((await found(client, { seen: false })).length, 10);
  const moved = await client.messageMove("1:5", "Archive");
  assert.equal(moved ? moved.uidMap?.size : 0, 5);
  await client.messageFlagsAdd("1:*", ["$Label"]);
  assert.equal(await count(client, "Archive"), 5);
  assert.deepEqual(
    (await client.list())
      .map(({ specialUse }) => specialUse)
      .filter(Boolean)
      .sort(),
    ["\\Archive", "\\Drafts", "\\Inbox", "\\Junk", "\\Sent", "\\Trash"],
  );
  await client.mailboxRename("Archive", "Old/Archive");
  await client.mailboxDelete("Old/Archive");
  lock.release();
  await client.logout();
});

test("new mail wakes an IDLE", async () => {
  const client = await flow("idle@home.example");
  await client.mailboxOpen("INBOX");
  const heard = new Promise<{ count: number }>((resolve) => client.once("exists", resolve));
  const idling = client.idle();
  await submit(fleet.port("smtp"), {
    from: "x@home.example",
    to: "idle@home.example",
    text: "Subject: wake\n\nup\n",
  });
  assert.equal((await heard).count, 1); // how soon: `daemon/replicas.test.ts`
  await client.logout();
  await idling;
});

test("commands of the terminal see what clients did", async () => {
  const lines = await fleet.command("mailbox", "show", "flow@home.example", "--folder", "INBOX", "--json");
  assert.equal(lines.trim().split("\n").length, 15);
});

test("SIGTERM says goodbye to who idles, and the daemon ends", async () => {
  const client = await flow("drain@home.example");
  await client.mailboxOpen("INBOX");
  const idling = client.idle();
  const closed = new Promise((resolve) => client.once("close", () => resolve("closed")));
  fleet.signal("SIGTERM");
  assert.equal(await closed, "closed");
  await idling;
  assert.equal(await fleet.exited, 0);
});
