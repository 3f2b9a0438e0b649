/** A real daemon's figures: what was said in each protocol, and how it went. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { Imap } from "../../faults/race/imap.ts";
import { aDomain, aPolicy, aUser, manifest } from "../../harness/manifest.ts";
import { Pop3Client } from "../../harness/pop3-client.ts";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import { greeted, submit } from "../../harness/submit.ts";
import { until } from "../../harness/until.ts";
import { fetchAnew } from "../../harness/web.ts";

const password = "staple-under-the-desk";
const user = "bob@example.test";
let fleet: TestPostfleet;
before(async () => {
  fleet = await startPostfleet({
    resources: manifest(aDomain("example.test"), aPolicy(), aUser(user, password)),
  });
});
after(() => fleet[Symbol.asyncDispose]());

async function figures(): Promise<(name: string) => number> {
  const text = await (await fetchAnew(`http://${fleet.endpoint("health")}/metrics`)).text();
  const lines = new Map(text.split("\n").map((line) => line.split(/ (?=[^ ]*$)/) as [string, string]));
  return (name) => Number(lines.get(name) ?? 0);
}

/** All that came so far, whenever more comes. */
async function* answersOf(socket: Socket): AsyncGenerator<string> {
  let heard = "";
  socket.on("data", (text: string) => {
    heard += text;
  });
  for (;;) {
    await once(socket, "data");
    yield heard;
  }
}

test("rate, errors and duration of each protocol", async () => {
  await submit(fleet.port("smtp"), { to: user });
  const imap = await Imap.enter(fleet.port("imaps"), user, password);
  await imap.command("SELECT INBOX");
  await assert.rejects(imap.command("SELECT Nowhere"));
  const open = await figures();
  assert.equal(open('postfleet_sessions{listener="imaps"}'), 1);
  imap[Symbol.dispose]();
  const deferred = submit(fleet.port("smtp"), { from: user, to: "x@nowhere.invalid" });
  await assert.rejects(deferred, /550 5\.7\.1/);
  const pages = await fetchAnew(`http://${fleet.endpoint("health")}/api/v1/overview`);
  assert.equal(pages.status, 401);
  await using pop3 = await Pop3Client.connect(fleet.port("pop3"));
  assert.match(await pop3.ask("FROB"), /^-ERR/);
  assert.match(await pop3.ask("STAT"), /^-ERR/);
  assert.match(await pop3.login(user, password), /^\+OK/);
  const sieve = connect(fleet.port("managesieve"), "127.0.0.1").setEncoding("utf8");
  sieve.write("FROB\r\nNOOP\r\n");
  for await (const heard of answersOf(sieve)) if (/^OK .*^NO .*^OK /ms.test(heard)) break;
  const told = await until("the delivery in the figures", async () => {
    const now = await figures();
    return now('postfleet_attempt_seconds_count{pool="local",outcome="delivered"}') > 0 ? now : undefined;
  });
  sieve.destroy();
  for (const [name, count] of [
    ['postfleet_commands_total{protocol="imap",command="SELECT",result="done"}', 1],
    ['postfleet_commands_total{protocol="imap",command="SELECT",result="refused"}', 1],
    ['postfleet_commands_total{protocol="imap",command="LOGIN",result="done"}', 1],
    ['postfleet_commands_total{protocol="pop3",command="unknown",result="wrong"}', 1],
    ['postfleet_commands_total{protocol="pop3",command="STAT",result="refused"}', 1],
    ['postfleet_commands_total{protocol="pop3",command="PASS",result="done"}', 1],
    ['postfleet_command_seconds_count{protocol="pop3"}', 4],
    ['postfleet_commands_total{protocol="managesieve",command="unknown",result="wrong"}', 1],
    ['postfleet_commands_total{protocol="managesieve",command="NOOP",result="done"}', 1],
    ['postfleet_command_seconds_count{protocol="managesieve"}', 2],
    ['postfleet_sessions{listener="managesieve"}', 1],
    ['postfleet_store_closed{reason="away"}', 0],
    ['postfleet_listening{listener="smtp"}', 1],
    ['postfleet_connections_total{listener="imaps"}', 1],
    ['postfleet_tls_sessions_total{listener="imaps",version="TLSv1.3"}', 1],
    ['postfleet_smtp_replies_total{listener="smtp",code="354"}', 1],
    ['postfleet_commands_total{protocol="smtp",command="MAIL",result="done"}', 2],
    ['postfleet_commands_total{protocol="smtp",command="RCPT",result="done"}', 1],
    ['postfleet_commands_total{protocol="smtp",command="RCPT",result="refused"}', 1],
    ['postfleet_commands_total{protocol="smtp",command="DATA",result="done"}', 1],
    ['postfleet_mailbox_operations_total{operation="deliver",result="done"}', 1],
    ['postfleet_mailbox_seconds_count{operation="deliver"}', 1],
    ['postfleet_attempt_seconds_count{pool="local",outcome="delivered"}', 1],
    ['postfleet_api_seconds_count{method="GET",status="4xx"}', 1],
    ["postfleet_accepted_messages_total", 1],
  ] as const)
    assert.equal(told(name), count, name);
  assert.ok(told('postfleet_queue_partitions{pool="local"}') > 0);
  for (const part of ["store", "Q0", "B0"])
    assert.ok(
      told(`postfleet_store_limit_octets{of="${part}"}`) > told(`postfleet_store_octets{of="${part}"}`),
    );
  assert.ok(told('postfleet_partition_changes_total{pool="relay",change="gained"}') > 0);
});

test("figures come as OpenMetrics to who asks for it, of the same values", async () => {
  const url = `http://${fleet.endpoint("health")}/metrics`;
  const answer = await fetchAnew(url, { headers: { accept: "application/openmetrics-text;version=1.0.0" } });
  assert.match(answer.headers.get("content-type") ?? "", /^application\/openmetrics-text; version=1\.0\.0/);
  const text = await answer.text();
  assert.match(text, /^# TYPE postfleet_accepted_messages counter\npostfleet_accepted_messages_total 1$/m);
  assert.ok(text.endsWith("\n# EOF\n"));
});

test("SMTP commands that are none are told apart from those that are refused, logins count once", async () => {
  await using client = await greeted(fleet.port("submission"));
  const before = await figures();
  assert.match(await client.ask("FROB"), /^500/);
  assert.match(await client.ask("RCPT TO:<x@y.test>"), /^503/);
  assert.match(await client.ask("AUTH PLAIN"), /^334/);
  assert.match(await client.ask(Buffer.from("\0x@example.test\0wrong").toString("base64")), /^535/);
  const after = await figures();
  for (const [command, result] of [
    ["unknown", "wrong"],
    ["RCPT", "refused"],
    ["AUTH", "refused"],
  ] as const) {
    const name = `postfleet_commands_total{protocol="smtp",command="${command}",result="${result}"}`;
    assert.equal(after(name) - before(name), 1, name);
  }
});

test("what a session does to a mailbox is counted by message, once it is stored", async () => {
  const before = await figures();
  using imap = await Imap.enter(fleet.port("imaps"), user, password);
  await imap.command("CREATE Kept");
  await imap.command("SELECT INBOX");
  await imap.command("STORE 1 +FLAGS (\\Flagged)");
  await imap.command("COPY 1 Kept");
  await imap.command("MOVE 1 Kept");
  await imap.command("SELECT Kept");
  await imap.command("STORE 1:2 +FLAGS (\\Deleted)");
  await imap.command("EXPUNGE");
  const after = await figures();
  const counted = (operation: string) => {
    const name = `postfleet_mailbox_operations_total{operation="${operation}",result="done"}`;
    return after(name) - before(name);
  };
  assert.deepEqual(["folders", "flag", "add", "move", "remove"].map(counted), [1, 3, 1, 1, 2]);
});
