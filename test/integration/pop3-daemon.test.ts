/** A real daemon: what came by SMTP goes by POP3, and what it promises survives it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { aDomain, aPolicy, aUser, manifest } from "../harness/manifest.ts";
import { Pop3Client } from "../harness/pop3-client.ts";
import { startPostfleet, type TestPostfleet } from "../harness/postfleet.ts";
import { submit } from "../harness/submit.ts";
import { untilTrue } from "../harness/until.ts";

const password = "staple-under-the-desk";
const users = ["bob", "carol", "dora"].map((name) => aUser(`${name}@example.test`, password));
let fleet: TestPostfleet;
before(async () => {
  fleet = await startPostfleet({ resources: manifest(aDomain("example.test"), aPolicy(), ...users) });
});
after(() => fleet[Symbol.asyncDispose]());

const connect = () => Pop3Client.connect(fleet.port("pop3"));

async function send(to: string, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await submit(fleet.port("smtp"), { to, text });
  await untilTrue(`mail of ${to}`, async () => {
    await using client = await connect();
    const count = (await client.login(to, password)).match(/^\+OK (\d+) /)?.[1];
    await client.ask("QUIT");
    return Number(count) >= texts.length;
  });
}

test("what was sent is read as it was, dots and all, and gone after DELE and QUIT", async () => {
  const bob = "bob@example.test";
  await send(bob, "Subject: one\n\n.\n..two\nend\n", "Subject: two\n\nx\n");
  await using client = await connect();
  await client.login(bob, password);
  const size = Number((await client.ask("LIST 1")).split(" ")[2]);
  const [title, ...lines] = (await client.askLong("RETR 1")).split("\r\n");
  assert.equal(title, `+OK ${size} octets`);
  const text = lines.map((line) => line.replace(/^\./, "")).join("\r\n");
  assert.equal(text.length, size);
  assert.match(text, /^Return-Path: <sender@home\.example>\r\n/);
  assert.match(text, /\r\nSubject: one\r\n\r\n\.\r\n\.\.two\r\nend\r\n$/);
  assert.match(await client.askLong("TOP 2 0"), /\r\nSubject: two\r\n\r\n$/);
  assert.equal(await client.ask("DELE 1"), "+OK\r\n");
  assert.equal(await client.ask("QUIT"), "+OK Bye\r\n");
  await using again = await connect();
  assert.match(await again.login(bob, password), /^\+OK 1 messages/);
});

test("names of messages outlive the daemon, and so does what was not confirmed by QUIT", async () => {
  const carol = "carol@example.test";
  await send(carol, "Subject: a\n\na\n", "Subject: b\n\nb\n");
  const names = async () => {
    await using client = await connect();
    assert.match(await client.login(carol, password), /^\+OK 2 messages/);
    const list = await client.askLong("UIDL");
    await client.ask("DELE 1");
    await client.ask("NOOP");
    return list;
  };
  const first = await names();
  assert.match(first, /^\+OK\r\n1 \S+\r\n2 \S+\r\n$/);
  // The server hears of the lost connection a moment later; until then the mailbox is in use.
  await untilTrue("the mailbox is free", async () => {
    await using client = await connect();
    const reply = await client.login(carol, password);
    await client.ask("QUIT");
    return reply.startsWith("+OK");
  });
  fleet.signal("SIGTERM");
  await fleet.exited;
  await fleet.restart();
  assert.equal(await names(), first);
});

test("a second session hears IN-USE; the mailbox is free the moment QUIT is answered", async () => {
  const dora = "dora@example.test";
  for (let i = 0; i < 5; i++) {
    await using first = await connect();
    assert.match(await first.login(dora, password), /^\+OK/);
    await using second = await connect();
    assert.match(await second.login(dora, password), /^-ERR \[IN-USE\]/);
    assert.equal(await first.ask("QUIT"), "+OK Bye\r\n");
    assert.match(await second.login(dora, password), /^\+OK 0 messages/);
    await second.ask("QUIT");
  }
});

test("SIGTERM lets an open session QUIT, and its deletions count", async () => {
  const bob = "bob@example.test";
  await using client = await connect();
  assert.match(await client.login(bob, password), /^\+OK 1 messages/);
  await client.ask("DELE 1");
  fleet.signal("SIGTERM");
  assert.equal(await client.ask("QUIT"), "+OK Bye\r\n");
  assert.equal(await fleet.exited, 0);
  await fleet.restart();
  await using again = await connect();
  assert.match(await again.login(bob, password), /^\+OK 0 messages/);
});
