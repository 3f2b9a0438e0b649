/**
 * Behind a load balancer that speaks the PROXY protocol: a real daemon goes by the true client's address.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { aDomain, aMailbox, aPolicy } from "../../harness/manifest.ts";
import { RawClient } from "../../harness/smtp-client.ts";
import { submitOver } from "../../harness/submit.ts";
import { openWorld, stranger } from "../../harness/world.ts";

const world = await openWorld({
  documents: [
    aDomain("home.example"),
    aMailbox("sender@home.example"),
    aPolicy({ acceptFrom: { cidrs: ["127.0.0.0/8", "192.0.2.0/24"] } }),
  ],
  hops: { "127.0.0.2": {} },
  zone: { "far.example": ["A 127.0.0.2"] },
  args: ["--proxy-from", "127.0.0.1/32"],
});
after(() => world[Symbol.asyncDispose]());

async function through(client: string, listener = "smtp"): Promise<RawClient> {
  const proxied = await RawClient.connect(world.fleet.port(listener));
  proxied.send(`PROXY TCP4 ${client} 198.51.100.25 40000 25\r\n`);
  return proxied;
}

test("a client on a policy's list relays; Received names it and not the proxy", async () => {
  await using client = await through("192.0.2.7");
  assert.match(await client.reply(), /^220/);
  await client.ask("EHLO client.example");
  await submitOver(client, { to: "bob@far.example" });
  const [message] = await world.hop("127.0.0.2").received(1);
  assert.match(message?.octets.toString() ?? "", /^Received: from client\.example \(\[192\.0\.2\.7\]\)/m);
});

test("a stranger does not, though the proxy's own network is on the list", async () => {
  await using client = await through("203.0.113.9");
  await client.reply();
  await client.ask("EHLO client.example");
  await client.ask("MAIL FROM:<x@far.example>");
  assert.match(await client.ask("RCPT TO:<y@far.example>"), /^550 5\.7\.1 Relaying denied/);
});

test("a client from afar is not offered passwords in plain text, since only the proxy is near", async () => {
  await using client = await through("203.0.113.9", "submission");
  await client.reply();
  assert.doesNotMatch(await client.ask("EHLO client.example"), /AUTH/);
});

test("IMAP and POP3 take the header too", async () => {
  for (const [listener, greeting] of [
    ["imap", /^\* OK/],
    ["pop3", /^\+OK/],
  ] as const) {
    const client = await RawClient.connect(world.fleet.port(listener));
    client.send("PROXY TCP4 203.0.113.9 198.51.100.25 40000 143\r\n");
    assert.match(String((await once(client.socket, "data"))[0]), greeting);
    client.socket.destroy();
  }
});

test("whoever is not listed is taken as he is, and closed when he speaks like a proxy", async () => {
  await using honest = await RawClient.connect(world.fleet.port("smtp"), "127.0.0.1", stranger);
  assert.match(await honest.reply(), /^220/);
  await using liar = await RawClient.connect(world.fleet.port("smtp"), "127.0.0.1", stranger);
  await liar.reply();
  liar.send("PROXY TCP4 192.0.2.7 198.51.100.25 40000 25\r\n");
  assert.equal(await liar.reply(), "");
});
