/** A real daemon's figures: what was said in each protocol, and how it went. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Imap } from "../../faults/race/imap.ts";
import { aDomain, aUser, manifest } from "../../harness/manifest.ts";
import { Pop3Client } from "../../harness/pop3-client.ts";
import { startPostfleet, type TestPostfleet } from "../../harness/postfleet.ts";
import { submit } from "../../harness/submit.ts";

const password = "staple-under-the-desk";
const user = "bob@example.test";
let fleet: TestPostfleet;
before(async () => {
  fleet = await startPostfleet({ resources: manifest(aDomain("example.test"), aUser(user, password)) });
});
after(() => fleet[Symbol.asyncDispose]());

async function figures(): Promise<(name: string) => number> {
  const text = await (await fetch(`http://${fleet.endpoint("health")}/metrics`)).text();
  const lines = new Map(text.split("\n").map((line) => line.split(/ (?=[^ ]*$)/) as [string, string]));
  return (name) => Number(lines.get(name) ?? 0);
}

test("rate, errors and duration of each protocol", async () => {
  await submit(fleet.port("smtp"), { to: user });
  const imap = await Imap.enter(fleet.port("imaps"), user, password);
  await imap.command("SELECT INBOX");
  await assert.rejects(imap.command("SELECT Nowhere"));
  const open = await figures();
  assert.equal(open('postfleet_sessions{listener="imaps"}'), 1);
  imap[Symbol.dispose]();
  await using pop3 = await Pop3Client.connect(fleet.port("pop3"));
  assert.match(await pop3.ask("FROB"), /^-ERR/);
  assert.match(await pop3.ask("STAT"), /^-ERR/);
  assert.match(await pop3.login(user, password), /^\+OK/);
  const told = await figures();
  for (const [name, count] of [
    ['postfleet_commands_total{protocol="imap",command="SELECT",result="done"}', 1],
    ['postfleet_commands_total{protocol="imap",command="SELECT",result="refused"}', 1],
    ['postfleet_commands_total{protocol="imap",command="LOGIN",result="done"}', 1],
    ['postfleet_commands_total{protocol="pop3",command="unknown",result="wrong"}', 1],
    ['postfleet_commands_total{protocol="pop3",command="STAT",result="refused"}', 1],
    ['postfleet_commands_total{protocol="pop3",command="PASS",result="done"}', 1],
    ['postfleet_command_seconds_count{protocol="pop3"}', 4],
    ['postfleet_connections_total{listener="imaps"}', 1],
    ['postfleet_tls_sessions_total{listener="imaps",version="TLSv1.3"}', 1],
    ['postfleet_smtp_replies_total{listener="smtp",code="354"}', 1],
    ["postfleet_accepted_messages_total", 1],
  ] as const)
    assert.equal(told(name), count, name);
  assert.ok(told('postfleet_queue_partitions{pool="local"}') > 0);
  assert.ok(told('postfleet_partition_changes_total{pool="relay",change="gained"}') > 0);
});
