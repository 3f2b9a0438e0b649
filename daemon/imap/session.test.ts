import assert from "node:assert/strict";
import { test } from "node:test";
import { simpleMessage, stage, states } from "../../test/harness/imap-session.ts";
import { bob, calm, delivery } from "../../test/harness/mailboxes.ts";

const plainLogin = Buffer.from("\0bob\0secret").toString("base64");

const conversations: Readonly<Record<string, readonly string[]>> = {
  "LOGIN, then what a user may": [
    "S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2",
    "C: a1 LOGIN bob wrong",
    "S: a1 NO [AUTHENTICATIONFAILED]",
    "C: a2 LOGIN carol secret",
    "S: a2 NO [AUTHORIZATIONFAILED]",
    "C: a3 LOGIN gone x",
    "S: a3 NO [UNAVAILABLE]",
    'C: a4 LOGIN "bob" {6+}',
    "C: secret",
    "S: a4 OK [CAPABILITY IMAP4rev1 IMAP4rev2",
    "C: a5 LOGIN bob secret",
    "S: a5 BAD [CLIENTBUG] LOGIN is not allowed now",
    "C: a6 NAMESPACE",
    'S: * NAMESPACE (("" "/")) NIL NIL',
    "S: a6 OK",
    "C: a7 LOGOUT",
    "S: * BYE",
    "S: a7 OK",
  ],
  "AUTHENTICATE with and without an initial response": [
    "S: * OK",
    "C: a AUTHENTICATE PLAIN",
    "S: + ",
    "C: *",
    "S: a BAD Cancelled",
    "C: b AUTHENTICATE PLAIN !!!",
    "S: b BAD [CLIENTBUG] Invalid base64",
    "C: c AUTHENTICATE GSSAPI",
    "S: c NO [CANNOT]",
    `C: d AUTHENTICATE PLAIN ${plainLogin}`,
    "S: d OK [CAPABILITY",
  ],
  "the general commands": [
    "S: * OK",
    "C: a NOOP",
    "S: a OK",
    "C: b ID NIL",
    'S: * ID ("name" "Postfleet")',
    "S: b OK",
    'C: c ID ("name" "x" "version" NIL)',
    "S* c OK",
    'C: d ID ("name")',
    "S: d BAD",
    "C: e CAPABILITY",
    "S: * CAPABILITY IMAP4rev1",
    "S: e OK",
    "C: f CAPABILITY x",
    "S: f BAD",
    "C: g STARTTLS",
    "S: g BAD",
    "C: h NONSENSE",
    "S: h BAD [CLIENTBUG] Unknown command NONSENSE",
    "C: constructor constructor",
    "S: constructor BAD",
  ],
};

for (const [name, script] of Object.entries(conversations))
  test(name, async () => {
    const client = stage().connect();
    await client.converse(script);
    await client.hangUp();
  });

/** Which commands run where: everything else is BAD. */
const allowed = {
  stranger: ["CAPABILITY", "NOOP"],
  user: [
    "CAPABILITY",
    "NOOP",
    'LIST "" *',
    "STATUS INBOX (MESSAGES)",
    "SELECT INBOX",
    'GETQUOTA ""',
    "ENABLE CONDSTORE",
  ],
  selected: ["CHECK", "FETCH 1:* FLAGS", "UID FETCH 1:* FLAGS", "SEARCH ALL", "EXPUNGE", "CLOSE"],
} as const;

const ranks = ["stranger", "user", "selected"];
for (const state of ["stranger", "user", "selected"] as const)
  for (const [home, commands] of Object.entries(allowed))
    for (const command of commands) {
      const fits = ranks.indexOf(home) <= ranks.indexOf(state) || /^(CAPABILITY|NOOP)$/.test(command);
      test(`${command} when ${state}: ${fits ? "OK" : "BAD"}`, async () => {
        const client = await stage().connect().bring(state);
        const answer = (await client.command(command)).at(-1);
        // An empty folder has no message 1; that is no matter of the state.
        const wanted =
          fits && !command.startsWith("FETCH")
            ? /^t OK/
            : fits
              ? /^t BAD .*number/
              : /^t BAD .*not allowed now/;
        assert.match(answer ?? "", wanted);
        await client.hangUp();
      });
    }

test("pipelined commands are answered in order, in one write", async () => {
  const client = stage().connect();
  await client.line();
  const before = client.socket.writes;
  client.send("a LOGIN bob secret\r\nb SELECT INBOX\r\nc STATUS INBOX (MESSAGES)\r\nd LOGOUT\r\n");
  await client.over;
  const tags = [...client.socket.out.matchAll(/^([a-d]) OK/gm)].map((match) => match[1]);
  assert.deepEqual(tags, ["a", "b", "c", "d"]);
  assert.equal(client.socket.writes - before, 1);
  assert.equal(client.socket.ended, true);
});

test("without TLS and away from home, passwords are refused and said to be", async () => {
  const client = stage().connect({ trustPlain: false, startTls: true });
  assert.match(await client.line(), /STARTTLS LOGINDISABLED\]/);
  assert.match((await client.command("LOGIN bob secret")).at(-1) ?? "", /^t NO \[PRIVACYREQUIRED\]/);
  assert.match((await client.command(`AUTHENTICATE PLAIN ${plainLogin}`)).at(-1) ?? "", /PRIVACYREQUIRED/);
  await client.ok("STARTTLS");
  const [capability] = await client.ok("CAPABILITY");
  assert.match(capability ?? "", /AUTH=PLAIN/);
  assert.doesNotMatch(capability ?? "", /STARTTLS|LOGINDISABLED/);
  await client.ok("LOGIN bob secret");
  await client.hangUp();
});

test("what was pipelined behind STARTTLS is never heard", async () => {
  const client = stage().connect({ trustPlain: false, startTls: true });
  await client.line();
  client.send("a STARTTLS\r\nb NOOP\r\n");
  assert.match(await client.line(), /^a OK/);
  await new Promise((resolve) => setImmediate(resolve));
  await client.ok("NOOP");
  assert.doesNotMatch(client.socket.out, /^b /m);
  await client.hangUp();
});

test("IDLE tells what another delivers and does, at once", async () => {
  const here = stage();
  const idle = await here.connect().bring("selected");
  const other = await here.connect().bring("selected");
  idle.send("i IDLE\r\n");
  assert.equal(await idle.line(), "+ idling");
  await here.store.deliver(delivery(simpleMessage), calm);
  assert.equal(await idle.line(), "* 1 EXISTS");
  await other.ok("NOOP");
  await other.ok("STORE 1 +FLAGS (\\Flagged)");
  assert.match(await idle.line(), /^\* 1 FETCH \(UID 1 FLAGS \(\\Flagged\)\)/);
  await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
  assert.match(await idle.line(), /^\* 1 FETCH \(UID 1 FLAGS \(\\Deleted \\Flagged\)\)/);
  await other.ok("EXPUNGE");
  assert.equal(await idle.line(), "* 1 EXPUNGE");
  idle.send("DONE\r\n");
  assert.match(await idle.line(), /^i OK/);
  idle.send("i IDLE\r\nFOO\r\n");
  assert.equal(await idle.line(), "+ idling");
  assert.match(await idle.line(), /^i BAD/);
  for (const client of [idle, other]) await client.hangUp();
});

test("EXPUNGE waits while the client counts, and comes with the next command that allows it", async () => {
  const here = stage();
  const client = await here.connect().bring("user");
  for (let i = 0; i < 3; i++) await here.store.deliver(delivery(simpleMessage), calm);
  await client.ok("SELECT INBOX");
  const other = await here.connect().bring("selected");
  await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
  await other.ok("EXPUNGE");
  for (const command of ["FETCH 1:3 UID", "SEARCH ALL", "STORE 3 +FLAGS (\\Seen)"])
    assert.ok(!(await client.ok(command)).some((line) => line.includes("EXPUNGE")), command);
  assert.deepEqual((await client.ok("UID SEARCH ALL")).slice(0, 2), ["* SEARCH 1 2 3", "* 1 EXPUNGE"]);
  assert.deepEqual((await client.ok("SEARCH ALL"))[0], "* SEARCH 1 2");
  for (const each of [client, other]) await each.hangUp();
});

test("every state can be brought about", async () => {
  for (const state of Object.keys(states) as (keyof typeof states)[])
    await (await stage().connect().bring(state)).hangUp();
  assert.equal(bob, "bob@example.org");
});
