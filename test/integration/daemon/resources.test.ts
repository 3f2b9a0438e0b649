/**
 * Resource files on a laptop: refused as a whole with every problem named, watched while the daemon runs, and in force at
 * once when they are good.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { apiOf } from "../../harness/api-client.ts";
import { aDomain, aMailbox, aPolicy, aSecret, type Document, manifest } from "../../harness/manifest.ts";
import { startPostfleet } from "../../harness/postfleet.ts";
import { run } from "../../harness/programs.ts";
import { greeted, submitOver } from "../../harness/submit.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { openWorld, stranger } from "../../harness/world.ts";

const launcher = new URL("../../../bin/postfleet", import.meta.url).pathname;
const folder = await mkdtemp(join(tmpdir(), "resources-"));
const retry = { initial: "1s", factor: 1, max: "1s", expireAfter: "1h", delayNoticeAfter: "0s" } as const;
const policy = aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, retry });
const always: readonly Document[] = [aDomain("home.example"), aMailbox("sender@home.example"), policy];

const world = await openWorld({
  documents: always,
  hops: {
    "127.0.0.2": {},
    "127.0.0.3": { reply: ({ stage }) => (stage === "rcpt" ? "450 4.2.0 no" : undefined) },
  },
  zone: { "far.example": ["A 127.0.0.2"], "away.example": ["A 127.0.0.3"] },
});
after(async () => {
  await world[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const { fleet, observer } = world;
const write = (...documents: readonly (Document | readonly Document[])[]) =>
  fleet.rewrite(manifest(always, ...documents));

const isTaken = async (client: Awaited<ReturnType<typeof greeted>>, name: string) =>
  (await client.ask(`RCPT TO:<${name}@home.example>`)).startsWith("250");

/** Each time on a connection of its own: one on which a thousand recipients were refused is closed. */
const untilTaken = (name: string) =>
  untilTrue(`${name} to be known`, async () => {
    await using client = await greeted(fleet.port("smtp"));
    await client.ask("MAIL FROM:<>");
    return await isTaken(client, name); // before the connection is closed
  });

const bad = `# four mistakes in four documents
apiVersion: mail.postfleet.dev/v1alpha1
kind: MailDomain
metadata: {name: one}
spec:
  domain: one.example
  limits: {recipients: 0}
---
apiVersion: mail.postfleet.dev/v1alpha1
kind: Mailbox
metadata: {name: two}
spec:
  address: two@one.example
  qouta: 1Gi
---
apiVersion: mail.postfleet.dev/v1alpha1
kind: Mailbox
metadata: {name: stray}
spec: {address: stray@elsewhere.example}
---
apiVersion: mail.postfleet.dev/v1alpha1
kind: RelayPolicy
metadata: {name: three}
spec:
  retry: {initial: 4h, max: 5m}
`;

/** Line, field and something of the remedy of every problem above. */
const problems = [
  /bad\.yaml:7: .*limits\.recipients/,
  /bad\.yaml:14: .*qouta.*quota/,
  /bad\.yaml:19: .*spec\.address: .*elsewhere\.example/,
  /bad\.yaml:25: .*retry.*raise max or lower initial/,
];

test("bad resources: exit 2 without starting, every problem with file, line, field and remedy", async () => {
  const file = join(folder, "bad.yaml");
  await writeFile(file, bad);
  const data = join(folder, "never");
  const ended = run(launcher, ["run", "-f", file, "--data", data]);
  await assert.rejects(ended, (error: { code?: number; stderr?: string }) => {
    assert.equal(error.code, 2);
    for (const problem of problems) assert.match(error.stderr ?? "", problem);
    return true;
  });
  await assert.rejects(readdir(data), { code: "ENOENT" });
});

test("postfleet check says the same, and only that: exit 2, and 0 for good files", async () => {
  const file = join(folder, "bad.yaml");
  await writeFile(file, bad);
  await assert.rejects(run(launcher, ["check", "-f", file]), (error: { code?: number; stdout?: string }) => {
    assert.equal(error.code, 2);
    for (const problem of problems) assert.match(error.stdout ?? "", problem);
    return true;
  });
  const json = await run(launcher, ["check", "--json", "-f", file]).catch(
    (error: { stdout: string }) => error,
  );
  const found = JSON.parse(json.stdout) as { problems: { file: string; line: number; field: string }[] };
  assert.deepEqual(
    found.problems.map(({ line }) => line),
    [7, 14, 19, 25],
  );
  const good = join(folder, "good.yaml");
  await writeFile(good, manifest(always));
  const { stdout } = await run(launcher, ["check", "-f", good]);
  assert.match(stdout, /3 resources .*no problems/);
});

test("files and folders, many documents each, Secrets among them", async () => {
  const many = join(folder, "many");
  await mkdir(many);
  await writeFile(
    join(many, "domain.yaml"),
    manifest(aDomain("many.example"), aSecret("ann", { password: "x" })),
  );
  const mailbox = aMailbox("ann@many.example", { passwordSecretRef: { name: "ann" } });
  await writeFile(join(many, "mailbox.yml"), manifest(mailbox));
  const resources = manifest(policy);
  await using both = await startPostfleet({ resources, args: ["-f", many] });
  await using client = await greeted(both.port("smtp"));
  await client.ask("MAIL FROM:<>");
  assert.match(await client.ask("RCPT TO:<ann@many.example>"), /^250 /);
});

test("a good change is in force within two seconds, on connections that are open", async () => {
  await using client = await greeted(fleet.port("smtp"));
  const took: number[] = [];
  // A busy machine may make some of them late, but not again and again.
  for (let n = 1; n <= 15 && !took.some((ms) => ms < 2_000); n++) {
    const name = `new${n}`;
    await client.ask("MAIL FROM:<>");
    assert.match(await client.ask(`RCPT TO:<${name}@home.example>`), /^550 5\.1\.1/);
    const began = performance.now();
    await write(aMailbox(`${name}@home.example`));
    await untilTaken(name);
    took.push(performance.now() - began);
    assert.ok(await isTaken(client, name), "on the connection that was open before");
    await client.ask("RSET");
  }
  assert.ok(Math.min(...took) < 2_000, `${took.map(Math.round)} ms`);
  await submitOver(client, { to: `new${took.length}@home.example` });
});

test("a bad change is reported, and the last good state stays until the next good one", async () => {
  await write(aMailbox("kept@home.example"));
  await using client = await greeted(fleet.port("smtp"));
  await client.ask("MAIL FROM:<>");
  const known = (name: string) => isTaken(client, name);
  await untilTaken("kept");
  await write(aMailbox("other@home.example", { quota: -1 }));
  const reported = await until("the report", () =>
    fleet.log.split("\n").find((line) => line.includes("the last good resources stay in force")),
  );
  assert.match(reported, /spec\.quota/);
  assert.deepEqual([await known("kept"), await known("other")], [true, false]);
  await write(aMailbox("other@home.example", { quota: "1Gi" }));
  await untilTaken("other");
  assert.deepEqual([await known("kept"), await known("other")], [false, true]);
});

test("a new password is in force, and the old one no longer", async () => {
  const login = (password: string) => Buffer.from(`\0pat@home.example\0${password}`).toString("base64");
  const withPassword = (password: string) =>
    write(aSecret("pat", { password }), aMailbox("pat@home.example", { passwordSecretRef: { name: "pat" } }));
  const works = async (password: string) => {
    await using client = await greeted(fleet.port("submission"));
    return (await client.ask(`AUTH PLAIN ${login(password)}`)).startsWith("235");
  };
  await withPassword("first one");
  await untilTrue("the first password", () => works("first one"));
  await withPassword("second one");
  await untilTrue("the second password", () => works("second one"));
  assert.equal(await works("first one"), false);
});

test("a route that changes takes what is queued along", async () => {
  const id = await world.submit({ to: "x@away.example", text: "mark-rerouted" });
  await until("a first attempt", async () => (await observer.jobsOf(id)).find((job) => job.attempts > 0));
  const smarthost = { host: "127.0.0.2", port: world.mxPort, tls: "Off" } as const;
  const destinations = [{ match: "away.example", route: { smarthost } }];
  await fleet.rewrite(
    manifest(always.slice(0, -1), aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, retry, destinations })),
  );
  await observer.settled(id);
  assert.ok(world.hop("127.0.0.2").messages.some(({ octets }) => octets.includes("mark-rerouted")));
});

test("paused: mail is accepted and waits, until it goes on", async () => {
  const paused = aPolicy({ acceptFrom: { cidrs: ["127.0.0.1/32"] }, retry, paused: true });
  await fleet.rewrite(manifest(always.slice(0, -1), paused, aMailbox("paused@home.example")));
  await untilTaken("paused");
  await using client = await greeted(fleet.port("smtp"));
  const id = await submitOver(client, { to: "x@far.example", text: "mark-paused" });
  // What is filed here is not paused: when it has arrived, the other could have gone, too.
  await observer.settled(await submitOver(client, { to: "sender@home.example" }));
  assert.equal((await observer.jobsOf(id))[0]?.attempts, 0);
  await write();
  await observer.settled(id);
});

test("mail for a domain that has come to be forwarded is sent on, and the sender hears that it was expanded", async () => {
  // Too small for any message, which shows only when one is filed.
  const api = await apiOf(fleet);
  await write(aDomain("turn.example"), aMailbox("ann@turn.example", { quota: 10 }));
  await untilTrue("the domain", async () =>
    JSON.stringify((await api.get("/domains")).body).includes("turn.example"),
  );
  await using client = await greeted(fleet.port("smtp"), stranger);
  await client.ask("MAIL FROM:<>");
  assert.match(await client.ask("RCPT TO:<ann@turn.example>"), /^250/);
  const mail = { to: "ann@turn.example", rcpt: "NOTIFY=SUCCESS", text: "mark-turned" };
  const id = await world.submit(mail);
  await until("a deferral", async () => (await observer.jobsOf(id)).find((job) => job.attempts > 0));
  await write(aDomain("turn.example", { delivery: { forward: { to: ["ann@far.example"] } } }));
  const report = await observer.mailWith("sender@home.example", "Final-Recipient: rfc822; ann@turn.example");
  assert.match(report, /\r\nAction: expanded\r\n/);
  await observer.settled(id);
  await untilTrue("the forwarded message", () =>
    world.hop("127.0.0.2").messages.some(({ octets }) => octets.includes("mark-turned")),
  );
});
