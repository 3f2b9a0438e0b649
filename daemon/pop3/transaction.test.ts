/** The TRANSACTION and UPDATE states: figures, lists, messages, marks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loggedIn, MemoryBox, settled, Talk } from "../../test/harness/pop3-session.ts";
import { StoreUnavailable } from "../mailbox/store.ts";

const one = "Subject: a\r\n\r\none\r\n";
const two = "Subject: b\r\n\r\n.two\r\n..\r\n.\r\nend";
const three = "Subject: c\r\n\r\n1\r\n2\r\n3\r\n";
const opened = () => loggedIn({ box: new MemoryBox([one, two, three]) });
const sizes = [one, two, three].map((text) => text.length);
const sum = sizes.reduce((a, b) => a + b);

test("STAT, LIST and UIDL", async () => {
  const talk = await opened();
  assert.equal(await talk.ask("STAT"), `+OK 3 ${sum}\r\n`);
  const list = sizes.map((size, i) => `${i + 1} ${size}\r\n`).join("");
  assert.equal(await talk.ask("LIST"), `+OK 3 messages (${sum} octets)\r\n${list}.\r\n`);
  assert.equal(await talk.ask("LIST 2"), `+OK 2 ${two.length}\r\n`);
  assert.equal(await talk.ask("UIDL"), "+OK\r\n1 7.1\r\n2 7.2\r\n3 7.3\r\n.\r\n");
  assert.equal(await talk.ask("UIDL 3"), "+OK 3 7.3\r\n");
});

test("an empty maildrop", async () => {
  const talk = await loggedIn({ box: new MemoryBox([]) });
  assert.equal(
    await talk.ask("STAT", "LIST", "UIDL"),
    "+OK 0 0\r\n+OK 0 messages (0 octets)\r\n.\r\n+OK\r\n.\r\n",
  );
  assert.equal(await talk.ask("RETR 1"), "-ERR No such message\r\n");
});

test("RETR stuffs dots and ends the last line", async () => {
  const talk = await opened();
  assert.equal(await talk.ask("RETR 1"), `+OK ${one.length} octets\r\n${one}.\r\n`);
  assert.equal(
    await talk.ask("RETR 2"),
    `+OK ${two.length} octets\r\nSubject: b\r\n\r\n..two\r\n...\r\n..\r\nend\r\n.\r\n`,
  );
});

test("RETR of an empty message", async () => {
  const talk = await loggedIn({ box: new MemoryBox([""]) });
  assert.equal(await talk.ask("RETR 1"), "+OK 0 octets\r\n.\r\n");
});

test("TOP shows the header and so many lines, and reads no further", async () => {
  const talk = await opened();
  assert.equal(await talk.ask("TOP 3 0"), "+OK\r\nSubject: c\r\n\r\n.\r\n");
  assert.equal(await talk.ask("TOP 3 2"), "+OK\r\nSubject: c\r\n\r\n1\r\n2\r\n.\r\n");
  assert.equal(await talk.ask("TOP 2 1"), "+OK\r\nSubject: b\r\n\r\n..two\r\n.\r\n");
  talk.box.pieceOctets = 5;
  talk.box.readFault = new Error("read too far");
  talk.box.readFaultAfter = 3;
  assert.equal(await talk.ask("TOP 1 0"), "+OK\r\nSubject: a\r\n\r\n.\r\n");
});

test("DELE hides a message from everything; numbers stay; RSET brings it back", async () => {
  const talk = await opened();
  assert.equal(await talk.ask("DELE 2"), "+OK\r\n");
  assert.equal(await talk.ask("STAT"), `+OK 2 ${sum - two.length}\r\n`);
  assert.equal(await talk.ask("UIDL"), "+OK\r\n1 7.1\r\n3 7.3\r\n.\r\n");
  for (const line of ["RETR 2", "LIST 2", "UIDL 2", "TOP 2 0", "DELE 2"])
    assert.equal(await talk.ask(line), "-ERR That message is marked as deleted\r\n");
  for (const line of ["DELE 4", "DELE 0"]) assert.equal(await talk.ask(line), "-ERR No such message\r\n");
  assert.equal(await talk.ask("RSET"), `+OK 3 messages (${sum} octets)\r\n`);
  assert.equal(await talk.ask("LIST 2"), `+OK 2 ${two.length}\r\n`);
  await talk.ask("QUIT");
  assert.deepEqual(talk.box.calls, ["open", "close"]);
});

test("QUIT removes what is marked, then frees the mailbox, then answers", async () => {
  const talk = await opened();
  assert.equal(await talk.ask("DELE 1", "DELE 3", "QUIT", "STAT"), "+OK\r\n+OK\r\n+OK Bye\r\n");
  assert.deepEqual(talk.box.calls, ["open", "remove 1,3", "close"]);
  assert.ok(talk.socket.ended);
  assert.equal(talk.over, 1);
});

test("DELE without QUIT removes nothing", async () => {
  for (const leave of ["hang up", "half close", "time-out"] as const) {
    const talk = await opened();
    await talk.ask("DELE 1");
    if (leave === "hang up") talk.socket.destroy();
    else if (leave === "half close") talk.socket.events?.ended();
    else {
      talk.clock.advance(600_000);
      talk.session.tick(talk.clock.monotonic());
    }
    assert.equal(await talk.heard(), "", leave);
    assert.deepEqual(talk.box.calls, ["open", "close"], leave);
    assert.equal(talk.over, 1, leave);
  }
});

test("a removal that fails is told, and the session ends all the same", async () => {
  const talk = await opened();
  talk.box.removeFault = new StoreUnavailable("away");
  assert.match(await talk.ask("DELE 1", "QUIT"), /\r\n-ERR \[SYS\/TEMP\] Some messages could not be removed/);
  assert.deepEqual(talk.box.calls, ["open", "close"]);
  assert.ok(talk.socket.ended);
});

test("QUIT goes on when the client hangs up meanwhile", async () => {
  const talk = await opened();
  const gate = Promise.withResolvers<void>();
  talk.box.removeGate = gate.promise;
  await talk.ask("DELE 1", "QUIT");
  talk.socket.destroy();
  gate.resolve();
  await settled();
  assert.deepEqual(talk.box.calls, ["open", "remove 1", "close"]);
  assert.equal(talk.over, 1);
});

test("a mailbox that is lost is left alone", async () => {
  const talk = await opened();
  await talk.ask("DELE 1");
  talk.box.lost.abort();
  assert.match(await talk.ask("QUIT"), /^-ERR \[SYS\/TEMP\] The mailbox could not be held/);
  assert.deepEqual(talk.box.calls, ["open", "close"]);
  assert.ok(talk.socket.ended);
});

test("a message that others removed", async () => {
  const talk = await opened();
  talk.box.texts[0] = undefined;
  assert.equal(await talk.ask("RETR 1"), "-ERR That message was removed by another session\r\n");
  assert.equal(await talk.ask("LIST 1"), `+OK 1 ${one.length}\r\n`);
});

test("a message that cannot be read may be asked for again", async () => {
  const talk = await opened();
  talk.box.readFault = new StoreUnavailable("away");
  assert.match(await talk.ask("RETR 1"), /^-ERR \[SYS\/TEMP\] The message cannot be read/);
  talk.box.readFault = undefined;
  assert.match(await talk.ask("RETR 1"), /^\+OK 19 octets/);
});

test("a message that breaks off ends the connection: no end is made up", async () => {
  const talk = await opened();
  talk.box.pieceOctets = 5;
  talk.box.readFaultAfter = 2;
  talk.box.readFault = new StoreUnavailable("away");
  assert.doesNotMatch(await talk.ask("DELE 3", "RETR 1", "QUIT"), /\r\n\.\r\n/);
  assert.ok(talk.socket.ended);
  assert.deepEqual(talk.box.calls, ["open", "close"]);
});

test("back-pressure: nothing is read ahead for a client that does not read", async () => {
  const big = "x".repeat(1_000_000);
  const talk = await loggedIn({ box: new MemoryBox([big]) });
  talk.socket.accepts = false;
  talk.send("RETR 1\r\nSTAT\r\n");
  const first = await talk.heard();
  assert.ok(first.length < 300_000, `${first.length} octets were pushed at once`);
  let all = first;
  for (let i = 0; i < 100 && !all.endsWith("+OK 1 1000000\r\n"); i++) {
    talk.socket.events?.drained();
    all += await talk.heard();
  }
  assert.equal(all, `+OK 1000000 octets\r\n${big}\r\n.\r\n+OK 1 1000000\r\n`);
});

test("pipelined commands are answered in one write", async () => {
  const talk = await opened();
  const before = talk.socket.writes;
  assert.equal(
    await talk.ask("NOOP", "STAT", "LIST 1", "DELE 1", "NOOP"),
    `+OK\r\n+OK 3 ${sum}\r\n+OK 1 19\r\n+OK\r\n+OK\r\n`,
  );
  assert.equal(talk.socket.writes - before, 1);
});

test("a small message leaves in one write", async () => {
  const talk = await opened();
  const before = talk.socket.writes;
  await talk.ask("RETR 1");
  assert.equal(talk.socket.writes - before, 1);
});

test("an octet at a time comes to the same", async () => {
  const talk = new Talk({ tls: true, box: new MemoryBox([one]) });
  for (const octet of "USER bob\r\nPASS my secret\r\nRETR 1\r\nQUIT\r\n") talk.send(octet);
  assert.match(await talk.heard(), /\+OK 19 octets\r\nSubject: a\r\n\r\none\r\n\.\r\n\+OK Bye\r\n$/);
});
