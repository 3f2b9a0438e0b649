/**
 * As in a cluster: NATS with TLS and users by signature; a gateway that serves everybody, and a namespace's own relay and
 * mailbox, whose user reaches that namespace alone. They start in any order, also before NATS is there.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../../daemon/kit/clock.ts";
import { silent } from "../../../daemon/kit/log.ts";
import type { Address } from "../../../daemon/mail/address.ts";
import { mailboxName } from "../../../daemon/mailbox/store.ts";
import { watchAcks } from "../../../daemon/nats/directory/acks.ts";
import { askFigures } from "../../../daemon/nats/figures.ts";
import { ensureNamespaceMailboxes } from "../../../daemon/nats/installation.ts";
import { JetStreamMailboxStore } from "../../../daemon/nats/mailbox/store.ts";
import { askWeb } from "../../../daemon/net/ask-web.ts";
import type { PolicyName } from "../../../daemon/queue/job.ts";
import { aHome, inNamespace, manifest } from "../../harness/manifest.ts";
import { type Script, startNextHop } from "../../harness/next-hop.ts";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import { run } from "../../harness/programs.ts";
import { greeted, submit, submitOver } from "../../harness/submit.ts";
import { operator, shared, startTenantNats, tenant } from "../../harness/tenants.ts";
import { until, untilTrue } from "../../harness/until.ts";
import { fetchAnew } from "../../harness/web.ts";

const launcher = new URL("../../../bin/postfleet", import.meta.url).pathname;
const world = await startTenantNats([], true);
let deferrals = 0;
const script: Script = {
  reply: ({ stage, line }) => {
    if (stage !== "rcpt") return undefined;
    if (line.includes("later@") && deferrals++ < 1) return "451 4.2.1 not now";
    return line.includes("never@") ? "550 5.1.1 no such user" : undefined;
  },
};
const hop = await startNextHop(script);
const resources = manifest(aHome(hop.port).map(inNamespace("team")));
const opened: AsyncDisposable[] = [];
after(async () => {
  for (const each of opened) await each[Symbol.asyncDispose]();
  await hop[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const common = ["--nats", world.nats.url, "--hostname", "mx.fleet.example"];
const env = await world.env(shared);
async function start(user: typeof shared, args: string[], more: Record<string, string> = {}) {
  const fleet = await startPostfleet({
    args: [...common, ...args],
    env: { ...(await world.env(user)), ...more },
  });
  opened.push(fleet);
  return fleet;
}

// NATS is gone when they start, and comes back later: then the gateway makes the streams that the others wait for.
await world.nats.stop();
const pod = { POD_NAME: "default-relay-0", POD_NAMESPACE: "team" };
const relayStarts = start(tenant("team"), ["--role", "relay", "--policy", "team/default"], pod);
const mailboxStarts = start(tenant("team"), ["--role", "mailbox"]);
const gatewayStarts = startPostfleet({
  resources,
  args: [...common, "--role", "gateway", "--drain-delay", "600"],
  env: { ...env },
});
await world.nats.restart();
const gateway = await gatewayStarts;
opened.push(gateway);
const link = await world.link(operator);
opened.push(link);
await ensureNamespaceMailboxes(link, "team", 1);
const relay: TestPostfleet = await relayStarts;
await mailboxStarts;
const from = "ann@home.example";
const send = (to: string, text: string) => submit(gateway.port("smtp"), { from, to, text });
const arrived = (mark: string) => hop.messages.filter(({ octets }) => octets.includes(mark)).length;
const mail = new JetStreamMailboxStore({
  link,
  clock: systemClock,
  log: silent,
  chance: Math.random,
  shards: 1,
  namespace: "team",
});
const ann = mailboxName(from as Address);
async function inbox(): Promise<string[]> {
  const found: string[] = [];
  const calm = new AbortController().signal;
  for await (const { uid } of mail.messages(ann, "INBOX", calm)) {
    const parts: Uint8Array[] = [];
    for await (const part of (await mail.read(ann, "INBOX", uid, calm)) ?? []) parts.push(part);
    found.push(Buffer.concat(parts).toString());
  }
  return found;
}
const received = (mark: string) =>
  until(`"${mark}" in the mailbox`, async () => (await inbox()).find((text) => text.includes(mark)));

test("what each waited for is told", async () => {
  await untilTrue("the log to tell it", () => /waiting for (NATS|the installation)/.test(relay.log));
});

test("the namespace's relay delivers, also what is large", async () => {
  await send("x@far.example", "mark-small");
  await send("x@far.example", `mark-large\n${"0123456789abcdef\n".repeat(60_000)}`);
  await untilTrue("both to arrive", () => arrived("mark-small") === 1 && arrived("mark-large") === 1);
});

test("it defers and tries again", async () => {
  await send("later@far.example", "mark-later");
  await untilTrue("the second attempt", () => arrived("mark-later") === 1);
});

test("it bounces: the report lies in the sender's mailbox, filed by the namespace's own mailbox", async () => {
  await send("never@far.example", "mark-never");
  assert.match(await received("no such user"), /mailer-daemon/i);
});

test("the namespace's mailbox files what comes in", async () => {
  await send(from, "mark-here");
  await received("mark-here");
});

test("the trace shows every step to those who serve everybody, and its own to the namespace", async () => {
  const id = await send("x@far.example", "mark-trace");
  const trace = async (user: typeof shared) => {
    const options = { env: { ...process.env, ...(await world.env(user)), NATS_URL: world.nats.url } };
    // Until the first page of events is written, nothing is known of it, and that is an error.
    return run(launcher, ["trace", id], options).then(
      ({ stdout }) => stdout,
      () => "",
    );
  };
  const whole = await until("the delivery to be traced", async () => {
    const text = await trace(shared);
    return /250/.test(text) && /accepted/i.test(text) && /delivered/i.test(text) ? text : undefined;
  });
  assert.ok(whole.length > 0);
  assert.match(await trace(tenant("team")), /delivered/i);
});

test("in its pods, and to who names it, the command line shows the namespace's own mailboxes", async () => {
  const list = async (user: typeof shared, ...more: readonly string[]) => {
    const options = { env: { ...process.env, ...(await world.env(user)), NATS_URL: world.nats.url } };
    return (await run(launcher, ["mailbox", "list", ...more], options)).stdout;
  };
  assert.match(await list(tenant("team")), /^ann@home\.example\t[1-9]/);
  assert.equal(await list(shared, "--shared"), "");
  assert.match(await list(shared), /^ann@home\.example\t[1-9]/);
  assert.match(await list(shared, "--namespace", "team"), /^ann@home\.example\t[1-9]/);
});

test("a pod of the namespace answers commands at its socket, with what it may see itself", async () => {
  const path = join(relay.data, "api.sock");
  const pod = { PATH: process.env["PATH"], HOME: process.env["HOME"], POSTFLEET_API: `unix:${path}` };
  const command = async (...args: readonly string[]) => (await run(launcher, args, { env: pod })).stdout;
  assert.match(await command("queue", "sites"), /^smarthost:127\.0\.0\.1\S+\tteam\/default\topen\t/m);
  await command("queue", "suspend", "team/default");
  const id = await send("x@far.example", "mark-steered");
  await untilTrue("it to wait", async () =>
    /\tpaused\t/.test(await command("queue", "list", "--filter", `message=${id}`)),
  );
  assert.equal(await command("queue", "hold", id), `${id}.0\thold\tchanged\n`);
  await command("queue", "resume", "team/default");
  assert.match(await command("queue", "show", id), /held/);
  await command("queue", "retry", id);
  await untilTrue("it to arrive", () => arrived("mark-steered") === 1);
  await untilTrue("its steps", async () => / delivered /.test(await command("trace", id).catch(() => "")));
  assert.match(await command("mailbox", "list"), /^ann@home\.example\t[1-9]/);
  assert.match(await command("mailbox", "verify", from), /^1 mailboxes, 0 problems/m);
  await assert.rejects(
    command("mailbox", "list", "--shared"),
    /reaches the mailboxes of namespace team alone/,
  );
  assert.match(await command("suppression", "add", "gone@far.example"), /^team\tgone@far\.example\toperator/);
  assert.match(await command("suppression", "list"), /^team\tgone@far\.example/);
  await assert.rejects(command("suppression", "list", "--in", "other"), /only namespace team is served here/);
  assert.match(await command("suppression", "remove", "gone@far.example"), /removed/);
  assert.equal(await command("reports", "list"), "");
  const get = async (path_: string) => {
    const question = { method: "GET", path: `/api/v1${path_}`, headers: {} };
    const { status, text } = await askWeb({ kind: "socket", path }, question, AbortSignal.timeout(30_000));
    assert.equal(status, 200, `${path_}: ${text}`);
    return text;
  };
  for (const each of ["/overview", "/queue/groups", "/queue/jobs", "/policies", "/sites", `/messages/${id}`])
    await get(each);
  assert.deepEqual(JSON.parse(await get("/queue/records?policy=other/default")), { records: [] });
});

test("it tells where it runs and what it has loaded, and how much work it has", async () => {
  await using acks = await watchAcks(link, silent);
  const found = acks.current().find((ack) => ack.pod === pod.POD_NAME);
  assert.deepEqual([found?.namespace, found?.roles, (found?.revision ?? 0) > 0], ["team", ["relay"], true]);
  const pool = { class: "relay", policy: "team/default" as PolicyName } as const;
  const signal = AbortSignal.timeout(30_000);
  const { figures, missing } = await askFigures({
    link,
    pool,
    pods: [pod.POD_NAME],
    signal,
    patienceMs: 20_000,
  });
  assert.deepEqual([missing, figures.map((each) => each.pod)], [[], [pod.POD_NAME]]);
});

test("a gateway that is stopped takes connections until nobody sends any more, or it is told to end at once", async () => {
  const { status } = await fetchAnew(`http://${gateway.endpoint("health")}/readyz`);
  assert.equal(status, 200);
  await using idle = await greeted(gateway.port("smtp"));
  gateway.signal("SIGTERM");
  await untilTrue("it to be unready", async () => {
    const answer = await fetchAnew(`http://${gateway.endpoint("health")}/readyz`);
    return answer.status === 503 && /stopping/.test(await answer.text());
  });
  await send("x@far.example", "mark-farewell");
  await submitOver(idle, { from, to: "x@far.example", text: "mark-idle" });
  gateway.signal("SIGTERM");
  await gateway.exited;
  await untilTrue("both to arrive", () => arrived("mark-farewell") === 1 && arrived("mark-idle") === 1);
});

test("when that time is over, those who are still there are told so", async () => {
  const brief = await start(shared, ["--role", "gateway", "--drain-delay", "1"]);
  await using idle = await greeted(brief.port("smtp"));
  brief.signal("SIGTERM");
  assert.match(await idle.reply(), /^421 /);
  assert.equal(await brief.exited, 0);
});
