import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mailboxStore } from "../../test/harness/mailbox-store.ts";
import { alice, bob, calm, delivery } from "../../test/harness/mailboxes.ts";
import { linkTo, startNats } from "../../test/harness/nats-server.ts";
import { startTenantNats, tenant } from "../../test/harness/tenants.ts";
import { systemClock } from "../kit/clock.ts";
import { MemoryMailboxStore } from "../mailbox/memory.ts";
import type { MailboxName, MailboxStatus, StoredMessage } from "../mailbox/store.ts";
import { ensureInstallation, ensureNamespaceMailboxes, unbounded } from "../nats/installation.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { commandOf, mailboxCommand } from "./mailbox.ts";
import type { MailboxFlags, MailboxTools } from "./mailbox-tools.ts";

interface Recorder extends CommandContext {
  readonly lines: string[];
}

function recorder(env: CommandContext["env"] = {}): Recorder {
  const lines: string[] = [];
  const line = (text: string) => void lines.push(text);
  return { lines, env, signal: calm, out: { line, error: line } };
}

function toolsOf(store: MemoryMailboxStore): MailboxTools {
  const upkeep = {
    verify: async () => [],
    repair: async () => [],
    restored: async (name: MailboxName) => (await store.status(name)) !== undefined,
  };
  const passwords = [
    {
      name: "phone",
      scopes: ["IMAP"] as const,
      lastUse: { at: Date.UTC(2026, 10, 29, 11, 5), scope: "IMAP" },
    },
    { name: "tablet", scopes: ["IMAP"] as const },
  ];
  const bobs = { namespace: "default", quota: { bytes: 100 }, appPasswords: passwords };
  return {
    mailboxes: () => store.mailboxes(),
    messages: (name, folder) => store.messages(name, folder),
    upkeep,
    async detail(name) {
      const stored = await store.status(name);
      return { ...(stored ? { stored } : {}), ...(name === bob ? { declared: bobs } : {}) };
    },
    purge: async () => assert.fail("nobody removes anything here"),
    files: async () => assert.fail("no mail is carried here"),
  };
}

async function filled(): Promise<MemoryMailboxStore> {
  const store = new MemoryMailboxStore(systemClock);
  await store.deliver(delivery("12345", { prefix: "", receivedAt: 0, flags: ["\\Seen"] }), calm);
  await store.deliver(delivery("1", { prefix: "", receivedAt: 0 }), calm);
  await store.deliver(delivery("123", { prefix: "", folder: "Work" }), calm);
  await store.deliver(delivery("12", { prefix: "", mailbox: alice }), calm);
  return store;
}

async function run(words: readonly string[], flags: MailboxFlags = {}): Promise<readonly string[]> {
  const context = recorder();
  assert.equal(await commandOf(words, flags)(toolsOf(await filled()), context), 0);
  return context.lines;
}

test("list: one line a mailbox", async () => {
  assert.deepEqual(await run(["list"]), [
    "bob@example.org\t3 messages\t2 unseen\t9 octets",
    "alice@example.org\t1 messages\t1 unseen\t2 octets",
  ]);
});

test("list for machines", async () => {
  const statuses = (await run(["list"], { json: true })).map((line) => JSON.parse(line) as MailboxStatus);
  assert.deepEqual(
    statuses.map(({ mailbox, messages, bytes }) => ({ mailbox, messages, bytes })),
    [
      { mailbox: "bob@example.org", messages: 3, bytes: 9 },
      { mailbox: "alice@example.org", messages: 1, bytes: 2 },
    ],
  );
});

test("show: one line a folder", async () => {
  const lines = await run(["show", "Bob@example.org"]);
  const stable = lines.map((line) => line.split("\t").slice(0, 5).join("\t"));
  assert.deepEqual(stable, [
    "INBOX\t2 messages\t1 unseen\t6 octets\tuidnext 3",
    "Work\t1 messages\t1 unseen\t3 octets\tuidnext 2",
  ]);
});

test("show for machines is the whole status", async () => {
  const [line = ""] = await run(["show", "bob@example.org"], { json: true });
  const status = JSON.parse(line) as MailboxStatus;
  assert.deepEqual(
    status.folders.map((folder) => [folder.name, folder.uidNext]),
    [
      ["INBOX", 3],
      ["Work", 2],
    ],
  );
});

test("show --folder: one line a message", async () => {
  assert.deepEqual(await run(["show", "bob@example.org"], { folder: "inbox" }), [
    "1\t1970-01-01T00:00:00.000Z\t5 octets\t\\Seen",
    "2\t1970-01-01T00:00:00.000Z\t1 octets\t",
  ]);
  const [line = ""] = await run(["show", "bob@example.org"], { folder: "Work", json: true });
  assert.equal((JSON.parse(line) as StoredMessage).size, 3);
});

test("passwords: each app password of the resource with its last use", async () => {
  assert.deepEqual(await run(["passwords", "bob@example.org"]), [
    "phone\tIMAP\tlast used about 2026-11-29T11:05Z for IMAP",
    "tablet\tIMAP\tnot used lately",
  ]);
  const [, second = ""] = await run(["passwords", "bob@example.org"], { json: true });
  assert.equal((JSON.parse(second) as { readonly lastUsed: unknown }).lastUsed, null);
  await assert.rejects(run(["passwords", "nobody@example.org"]), /knows no mailbox/);
});

test("restored: one mailbox, or all", async () => {
  assert.deepEqual(await run(["restored"]), ["2 mailboxes go on with new UIDs"]);
  assert.deepEqual(await run(["restored", "bob@example.org"], { json: true }), ['{"restored":1}']);
  await assert.rejects(run(["restored", "nobody@example.org"]), /no mailbox nobody@example.org/);
});

const wrong = [
  ["an unknown command", ["delete"], {}, /no command/],
  ["show without an address", ["show"], {}, /needs the address/],
  ["show with nonsense", ["show", "nobody"], {}, /needs the address/],
  ["two addresses", ["show", "a@b.example", "c@d.example"], {}, /one address/],
  ["export without a target", ["export", "bob@example.org"], {}, /needs --to/],
  [
    "export to an unknown format",
    ["export", "bob@example.org"],
    { to: "x", format: "pst" },
    /maildir or mbox/,
  ],
] as const;
for (const [name, words, flags, message] of wrong)
  test(`${name} is wrong usage`, () => {
    assert.throws(
      () => commandOf(words, flags),
      (error) => error instanceof CommandError && error.code === 2 && message.test(error.message),
    );
  });

test("a mailbox or folder that is not there is said so", async () => {
  await assert.rejects(
    run(["show", "nobody@example.org"]),
    /nothing was ever delivered to nobody@example.org/,
  );
  await assert.rejects(run(["show", "bob@example.org"], { folder: "Nope" }), /has INBOX, Work/);
});

test("help names every command", async () => {
  const context = recorder();
  assert.equal(await mailboxCommand(["--help"], context), 0);
  for (const command of ["list", "show", "export"]) assert.match(context.lines.join("\n"), RegExp(command));
  assert.equal(await mailboxCommand([], recorder()), 2);
});

test("beside a running NATS: list, export and purge", async (t) => {
  const nats = await startNats(t);
  const { url, user, password } = nats;
  await using link = await linkTo(nats);
  await ensureInstallation(link, unbounded(1));
  await using store = mailboxStore(link);
  await store.deliver(delivery("Subject: a\r\n\r\nb\r\n"), calm);

  const context = recorder({ NATS_USER: user, NATS_PASSWORD: password });
  assert.equal(await mailboxCommand(["list", "--nats", url], context), 0);
  assert.match(context.lines.join(), /^bob@example.org\t1 messages/);

  const to = await mkdtemp(join(tmpdir(), "postfleet-export-"));
  t.after(() => rm(to, { recursive: true, force: true }));
  const order = ["export", bob, "--nats", url, "--to", to, "--format", "maildir"];
  assert.equal(await mailboxCommand(order, context), 0);
  assert.match(context.lines.at(-1) ?? "", /^1 messages, \d+ octets written to/);
  assert.equal((await readdir(join(to, "new"))).length, 1);

  await ensureNamespaceMailboxes(link, "team-a", 1);
  await using apart = mailboxStore(link, { namespace: "team-a" });
  await apart.deliver(delivery("Subject: c\r\n\r\nd\r\n", { mailbox: alice }), calm);
  const says = async (...words: string[]) => {
    const before = context.lines.length;
    assert.equal(await mailboxCommand([...words, "--nats", url], context), 0);
    return context.lines.slice(before).map((line) => line.split("\t").slice(0, 2).join());
  };
  assert.deepEqual(await says("list"), ["alice@example.org,1 messages", "bob@example.org,1 messages"]);
  assert.deepEqual(await says("list", "--namespace", "team-a"), ["alice@example.org,1 messages"]);
  assert.deepEqual(await says("list", "--shared"), ["bob@example.org,1 messages"]);
  assert.deepEqual(await says("verify"), ["2 mailboxes, 0 problems"]);
  assert.deepEqual(await says("purge", alice, "--everything"), ["1 messages removed"]);
  assert.equal((await apart.status(alice, calm))?.messages, 0);
  await apart.deliver(delivery("Subject: e\r\n\r\nf\r\n", { mailbox: bob }), calm);
  await assert.rejects(says("show", bob), /in several places; say which with --shared or --namespace team-a/);
  assert.equal((await says("show", bob, "--namespace", "team-a"))[0], "INBOX,1 messages");
  await assert.rejects(says("list", "--namespace", "team-b"), /team-b do not lie apart/);
  await assert.rejects(says("list", "--namespace", "team-a", "--shared"), /not both/);
  assert.deepEqual(await says("purge", bob, "--everything", "--namespace", "team-a"), ["1 messages removed"]);

  const purge = ["purge", bob, "--nats", url, "--shared", "--everything"];
  const scripts = new Map([["mine", "discard;"]]);
  assert.equal(await store.scripts.replaceScripts(bob, { scripts, active: "mine" }, 0), true);
  assert.equal(await mailboxCommand([...purge, "--older-than", "1"], context), 0);
  assert.equal(context.lines.at(-1), "1 messages removed");
  assert.equal(await store.scripts.activeScript(bob), "discard;");
  assert.equal(await mailboxCommand(purge, context), 0);
  assert.equal(context.lines.at(-1), "0 messages removed, 1 Sieve scripts as well");
  assert.equal((await store.scripts.scripts(bob)).scripts.size, 0);

  const unopened = ["purge", alice, "--nats", url, "--shared", "--everything"];
  assert.equal(await store.scripts.replaceScripts(alice, { scripts, active: "mine" }, 0), true);
  assert.equal(await mailboxCommand(unopened, context), 0);
  assert.equal(context.lines.at(-1), "0 messages removed, 1 Sieve scripts as well");
  assert.equal(await store.status(alice, calm), undefined, "a purge makes no mailbox");
  await assert.rejects(mailboxCommand(unopened, context), /there is no mailbox alice@/);
});

test("with the credential of a namespace: its own mailboxes, and no others", async () => {
  await using world = await startTenantNats(["team-a"]);
  await using link = await world.link(tenant("team-a"));
  await using store = mailboxStore(link, { namespace: "team-a" });
  await store.deliver(delivery("Subject: a\r\n\r\nb\r\n"), calm);
  const run = async (of: string, ...words: string[]) => {
    const context = recorder({ ...(await world.env(tenant(of))), NATS_URL: world.nats.url });
    assert.equal(await mailboxCommand(words, context), 0);
    return context.lines.join("\n");
  };
  assert.match(await run("team-a", "list"), /^bob@example.org\t1 messages/);
  assert.equal(await run("team-a", "purge", bob, "--everything"), "1 messages removed");
  await assert.rejects(run("team-a", "list", "--shared"), /reaches the mailboxes of namespace team-a alone/);
  await assert.rejects(run("team-a", "list", "--namespace", "team-b"), /namespace team-a alone/);
  await assert.rejects(run("team-b", "list"), /team-b do not lie apart/);
});
