/**
 * The commands that people use beside a running daemon: `queue`, `trace`, `mailbox`. Each is a process of its own.
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { aDomain, aMailbox, aPolicy } from "../../harness/manifest.ts";
import { needs, run } from "../../harness/programs.ts";
import { until } from "../../harness/until.ts";
import { openWorld } from "../../harness/world.ts";

/** What this host says to RCPT; tests change it. */
let answer: string | undefined = "450 4.2.0 not now";
const byRetry = { initial: "1h", factor: 1, max: "1h", expireAfter: "5d", delayNoticeAfter: "0s" } as const;
const world = await openWorld({
  documents: [
    aDomain("home.example"),
    ...["sender", "alice", "keeper"].map((name) => aMailbox(`${name}@home.example`)),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, retry: byRetry }),
    aPolicy(
      { acceptFrom: { cidrs: ["127.0.0.8/32"] }, retry: { ...byRetry, initial: "1s", max: "1s" } },
      "eager",
    ),
  ],
  hops: {
    "127.0.0.2": { reply: ({ stage }) => (stage === "rcpt" ? answer : undefined) },
    "127.0.0.3": { reply: ({ stage }) => (stage === "rcpt" ? "450 4.2.0 never" : undefined) },
    "127.0.0.4": {},
  },
  zone: {
    "moody.example": ["A 127.0.0.2"],
    "away.example": ["A 127.0.0.3"],
    "spare.example": ["A 127.0.0.4"],
  },
});
after(() => world[Symbol.asyncDispose]());

const { fleet, observer } = world;
const spare = world.hop("127.0.0.4");
const rows = async (...args: string[]) =>
  (await fleet.command(...args))
    .trimEnd()
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t"));

/** A message that waits for its second attempt. */
async function deferred(to: string, from = "sender@home.example", as?: string): Promise<string> {
  const id = await world.submit({ to, from, ...(as ? { as } : {}) });
  await until("a first attempt", async () => (await observer.jobsOf(id)).find((job) => job.attempts > 0));
  return id;
}

test("queue list: one line a job, with state, next attempt, attempts, addresses and the last answer", async () => {
  const id = await deferred("list@away.example", "lister@home.example");
  const [row = []] = await rows("queue", "list", "--filter", "sender=lister@home.example");
  const [job, state, next = "", attempts, sender, recipients, last] = row;
  assert.deepEqual(
    [job, state, attempts, sender, recipients, last],
    [`${id}.0`, "deferred", "1", "<lister@home.example>", "list@away.example", "450 4.2.0 never"],
  );
  assert.ok(Date.parse(next) > Date.now() + 50 * 60_000, next);
});

test("queue list --json, by every kind of filter", async () => {
  const id = await deferred("Json@away.example", "jason@home.example");
  const filters = [
    "destination=away.example,sender=jason*",
    "recipient=json@away.example",
    `message=${id}`,
    "sender=jason@home.example,state=deferred,class=relay,policy=default/default",
    "sender=jason@home.example,reason=*never*",
  ];
  for (const filter of filters) {
    const text = await fleet.command("queue", "list", "--json", "--filter", filter);
    const jobs = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      jobs.map(({ message }) => message),
      [id],
      filter,
    );
  }
  assert.equal(await fleet.command("queue", "list", "--filter", "sender=jason*,state=held"), "");
});

test("queue destinations and queue sites: how much waits for where, and how it answers", async () => {
  await deferred("count@away.example");
  const [row = []] = await rows("queue", "destinations", "--filter", "destination=away.*,state=deferred");
  const [destination, cls, policy, jobs = "", states, next = ""] = row;
  assert.deepEqual([destination, cls, policy], ["away.example", "relay", "default/default"]);
  assert.match(jobs, /^[1-9]\d* jobs$/);
  assert.equal(states, jobs.replace("jobs", "deferred"));
  assert.match(next, /^next 20\d\d-.*Z$/);
  await assert.rejects(
    fleet.command("queue", "destinations", "--filter", "sender=x"),
    /ended with 2: .*sender=x: destinations are chosen by class, namespace, policy/,
  );
  await fleet.command(
    "queue",
    "suspend",
    "default/default",
    "--site",
    "away.example",
    "--reason",
    "they move",
  );
  const site = await until("the suspension to be told", async () =>
    (await rows("queue", "sites")).find(
      ([name = "", , state]) => /^away/.test(name) && state === "suspended",
    ),
  );
  assert.match(site.at(-1) ?? "", /^since 20.*: they move$/);
  await fleet.command("queue", "resume", "default/default", "--site", "away.example");
  await until("it to go on", async () =>
    (await rows("queue", "sites")).every(([, , state]) => state !== "suspended") ? true : undefined,
  );
});

test("queue show ID: all that is known of a message", async () => {
  const id = await deferred("show@away.example");
  const text = await fleet.command("queue", "show", id);
  for (const part of [id, "deferred, 1 attempts", "<show@away.example>", "450 4.2.0 never", "client.example"])
    assert.ok(text.includes(part), `${part} in:\n${text}`);
});

test("queue retry: tried at once, however far the next attempt was", async () => {
  const id = await deferred("retry@moody.example");
  answer = undefined;
  await fleet.command("queue", "retry", id);
  await observer.settled(id);
  answer = "450 4.2.0 not now";
  await world.hop("127.0.0.2").received(1);
});

test("queue hold and release: a held message is not tried, a released one is", async () => {
  const [held, free] = [await deferred("held@away.example", undefined, "127.0.0.8"), "free@away.example"];
  await fleet.command("queue", "hold", held);
  const [row] = await rows("queue", "list", "--filter", `message=${held}`);
  assert.deepEqual([row?.[1], row?.[2]], ["held", "-"]);
  const attempts = async () => (await observer.jobsOf(held))[0]?.attempts ?? Number.NaN;
  const before = await attempts();
  const other = await deferred(free, undefined, "127.0.0.8");
  await until("some more attempts of another message", async () =>
    (await observer.jobsOf(other)).find((job) => job.attempts >= 4),
  );
  const meanwhile = await attempts();
  assert.ok(
    meanwhile <= before + 1,
    "none but the one that was under way when the order came, if there was one",
  );
  await fleet.command("queue", "release", held);
  await until("an attempt after the release", async () =>
    (await observer.jobsOf(held)).find((job) => job.attempts > meanwhile),
  );
});

test("queue bounce: returned to the sender, with the operator's reason", async () => {
  const id = await deferred("bounce@away.example");
  await fleet.command("queue", "bounce", id, "--reason", "The site has closed for good");
  const report = await observer.mailWith("sender@home.example", "bounce@away.example");
  assert.match(report.replaceAll(/\r\n\s+/g, " "), /The site has closed for good/);
  assert.deepEqual(await observer.jobsOf(id), []);
});

test("queue route: sent by another next hop, and back to MX", async () => {
  const ids = [await deferred("route1@away.example"), await deferred("route2@away.example")];
  const to = `127.0.0.4:${world.mxPort}`;
  await fleet.command("queue", "route", "--to", to, "--filter", "recipient=route1@away.example");
  await observer.settled(ids[0] ?? "");
  assert.deepEqual(
    spare.messages.map(({ rcpts }) => rcpts.map((line) => /<(.*)>/.exec(line)?.[1])),
    [["route1@away.example"]],
  );
  await fleet.command("queue", "route", "--to", "mx", ids[1] ?? "");
  assert.equal((await observer.jobsOf(ids[1] ?? ""))[0]?.reroute, undefined);
});

test("queue route to ourselves is no circle: the message waits, and says why", async () => {
  const id = await deferred("circle@away.example");
  await fleet.command("queue", "route", "--to", fleet.endpoint("smtp"), id);
  const job = await until("the next attempt", async () =>
    (await observer.jobsOf(id)).find((each) => each.attempts > 1),
  );
  assert.match(job.history.at(-1)?.reply.text ?? "", /this host itself/);
});

test("queue purge: gone, and nobody is told", async () => {
  const id = await deferred("purge@away.example", "keeper@home.example");
  const text = await fleet.command("queue", "purge", "--json", "--filter", "sender=keeper*");
  assert.deepEqual(JSON.parse(text), { message: id, group: 0, command: "purge", result: "changed" });
  assert.deepEqual(await observer.jobsOf(id), []);
  assert.equal(await observer.count("keeper@home.example"), 0);
});

const wrong: readonly { readonly args: readonly string[]; readonly want: RegExp }[] = [
  { args: ["queue", "retry"], want: /ended with 2: .*say which jobs/ },
  { args: ["queue", "retry", "--filter", "colour=red"], want: /ended with 2: .*colour=red/ },
  { args: ["queue", "retry", "--filter", "sender=nobody"], want: /ended with 1: .*no job matches/ },
  { args: ["queue", "show", "unknown"], want: /ended with 1: .*no such message/ },
  { args: ["queue", "frobnicate"], want: /ended with 2: .*no command/ },
  { args: ["trace", "01m83te5rx66hc94erhrckf3d1"], want: /ended with 1: .*nothing is known/ },
  { args: ["trace", "no id"], want: /ended with 2: / },
  { args: ["mailbox", "show", "nobody@home.example"], want: /ended with 1: .*nothing was ever delivered/ },
  { args: ["mailbox", "show", "sender@home.example", "--folder", "Nope"], want: /ended with 1: .*no folder/ },
];

for (const { args, want } of wrong)
  test(`${args.join(" ")} fails with a sentence`, async () => {
    await assert.rejects(fleet.command(...args), want);
  });

test("trace: every step of a message with times and answers, operators' doings too", async () => {
  const id = await deferred("trace@moody.example");
  await fleet.command("queue", "hold", id);
  answer = undefined;
  await fleet.command("queue", "retry", id);
  await observer.settled(id);
  answer = "450 4.2.0 not now";
  const lines = await until("the whole trace", async () => {
    const text = await fleet.command("trace", id).catch(() => "");
    const lines = text.trimEnd().split("\n"); // each kind is written by itself
    return text.includes(" delivered ") && lines.length >= 5 ? lines : undefined;
  });
  const kinds = lines.map((line) => line.split(" ")[1]);
  assert.deepEqual(kinds, ["accepted", "deferred", "held", "retried", "delivered"]);
  const times = lines.map((line) => Date.parse(line.split(" ")[0] ?? ""));
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
  );
  assert.match(
    lines[1] ?? "",
    /<trace@moody\.example> by moody\.example \[127\.0\.0\.2\].*450 4\.2\.0 not now/,
  );
  const last = JSON.parse((await fleet.command("trace", id, "--json")).trimEnd().split("\n").at(-1) ?? "");
  assert.deepEqual([last.kind, last.how, last.reply.code], ["delivered", "passedOn", 250]);
});

test("mailbox list, show and export: what another program reads is what came", needs("python3"), async () => {
  const texts = ["first\n.dot", "From the second\nFrom line"];
  for (const text of texts) await observer.settled(await world.submit({ to: "alice@home.example", text }));
  const list = await rows("mailbox", "list");
  const [, messages] = list.find(([address]) => address === "alice@home.example") ?? [];
  assert.equal(messages, "2 messages");
  const shown = await rows("mailbox", "show", "alice@home.example", "--folder", "INBOX");
  assert.deepEqual(
    shown.map(([uid]) => uid),
    ["1", "2"],
  );
  const maildir = join(fleet.data, "maildir");
  await fleet.command("mailbox", "export", "alice@home.example", "--to", maildir);
  const mbox = join(fleet.data, "mbox");
  await fleet.command("mailbox", "export", "alice@home.example", "--format", "mbox", "--to", mbox);
  const bodies = await read("Maildir", await onlyFolder(maildir, "cur"));
  assert.deepEqual(bodies.sort(), ["From the second\nFrom line\n", "first\n.dot\n"]);
  assert.equal((await read("mbox", await onlyFile(mbox))).length, 2);
});

const reader = `
import json, mailbox, sys
kind, path = sys.argv[1:]
box = mailbox.Maildir(path, create=False) if kind == "Maildir" else mailbox.mbox(path, create=False)
print(json.dumps([message.get_payload() for message in box]))
`;

async function read(kind: "Maildir" | "mbox", path: string): Promise<string[]> {
  const { stdout } = await run("python3", ["-c", reader, kind, path]);
  return (JSON.parse(stdout) as string[]).map((text) => text.replaceAll("\r\n", "\n"));
}

/** The folder that holds `child`. */
async function onlyFolder(root: string, child: string): Promise<string> {
  const all = await readdir(root, { recursive: true });
  const found = all.filter((path) => path.split("/").at(-1) === child);
  assert.equal(found.length, 1, all.join(" "));
  return join(root, (found[0] ?? "").slice(0, -child.length - 1));
}

async function onlyFile(root: string): Promise<string> {
  const [name = "", ...others] = await readdir(root);
  assert.deepEqual(others, []);
  assert.match(await readFile(join(root, name), "latin1"), /^From /);
  return join(root, name);
}
