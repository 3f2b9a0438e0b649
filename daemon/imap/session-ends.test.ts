/** How IMAP sessions end: by the client's fault, by silence, by a drain, and under what happens to their mailbox. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "../../test/harness/imap-session.ts";
import { bob, calm, delivery } from "../../test/harness/mailboxes.ts";

test("too many failed logins end the session", async () => {
  const client = stage().connect({ limits: { failedLogins: 2 } });
  await client.line();
  await client.command("LOGIN bob no");
  client.send("t LOGIN bob no\r\n");
  await client.over;
  assert.match(client.socket.out, /\* BYE Too many failed logins\r\n/);
});

test("too many commands that nobody understands end the session", async () => {
  const client = stage().connect({ limits: { badCommands: 3 } });
  await client.line();
  client.send("a X\r\nb X\r\nc NOOP\r\nd X\r\ne X\r\nf X\r\ng NOOP\r\n");
  await client.over;
  assert.match(client.socket.out, /f BAD .*\r\n\* BYE Too many commands/);
  assert.doesNotMatch(client.socket.out, /^g /m);
});

test("a session that drains says BYE between two commands, a busy one after its command", async () => {
  const here = stage();
  const waiting = await here.connect().bring("user");
  const idle = await here.connect().bring("selected");
  idle.send("i IDLE\r\n");
  assert.equal(await idle.line(), "+ idling");
  for (const client of [waiting, idle]) {
    client.session.drain();
    await client.over;
    assert.match(client.socket.out, /\* BYE \[UNAVAILABLE\]/);
  }
  const late = here.connect();
  late.session.drain();
  await late.over;
  assert.match(late.socket.out, /\* BYE/);
});

test("who says nothing for too long is logged out; strangers sooner", async () => {
  const here = stage();
  const stranger = await here.connect().bring("stranger");
  const user = await here.connect().bring("user");
  here.clock.advance(180_000);
  for (const client of [stranger, user]) client.session.tick(here.clock.monotonic());
  await stranger.over;
  assert.match(stranger.socket.out, /\* BYE Autologout/);
  await user.ok("NOOP");
  here.clock.advance(29 * 60_000);
  user.session.tick(here.clock.monotonic());
  await user.ok("NOOP");
  here.clock.advance(31 * 60_000);
  user.session.tick(here.clock.monotonic());
  await user.over;
});

test("a client that reads nothing is cut when its time is over", async () => {
  const here = stage();
  const client = await here.connect().bring("user");
  client.socket.accepts = false;
  client.send("t NOOP\r\n");
  await client.until("t");
  here.clock.advance(31 * 60_000);
  client.session.tick(here.clock.monotonic());
  await client.over;
  assert.doesNotMatch(client.socket.out, /BYE/);
});

test("abort ends at once, in the middle of anything", async () => {
  const client = await stage().connect().bring("user");
  client.send("a APPEND INBOX {100}\r\n");
  await client.line();
  client.session.abort();
  await client.over;
  assert.equal(client.socket.ended, true);
});

test("a client that vanishes within a literal leaves nothing behind", async () => {
  const here = stage();
  const client = await here.connect().bring("user");
  client.send("a APPEND INBOX {100+}\r\nSubject: half");
  await client.hangUp();
  const other = await here.connect().bring("user");
  assert.match((await other.ok("STATUS INBOX (MESSAGES)"))[0] ?? "", /MESSAGES 0/);
  await other.hangUp();
});

test("a folder that is deleted under a client ends its session", async () => {
  const here = stage();
  const owner = await here.connect().bring("user");
  await owner.ok("CREATE Work");
  const client = await here.connect().bring("user");
  await client.ok("SELECT Work");
  await owner.ok("DELETE Work");
  client.send("n NOOP\r\n");
  await client.over;
  assert.match(client.socket.out, /\* BYE The selected mailbox was deleted/);
  await owner.hangUp();
});

test("sessions of a mailbox that is brought back from a copy end; the next one sees what is there", async () => {
  const here = stage();
  await here.store.deliver(delivery("one"), calm);
  const box = here.store.box(bob);
  const waiting = here.connect();
  await waiting.ok("LOGIN bob secret");
  const idling = here.connect();
  await idling.ok("LOGIN bob secret");
  await idling.ok("SELECT INBOX");
  idling.send("i IDLE\r\n");
  await idling.until("+");
  box.bringBack(box.copy());
  for (const client of [waiting, idling]) {
    assert.match(await client.line(), /^\* BYE \[UNAVAILABLE\] The mailbox was brought back/);
    await client.over;
  }
  const next = here.connect();
  await next.ok("LOGIN bob secret");
  assert.ok((await next.ok("SELECT INBOX")).includes("* 1 EXISTS"));
});
