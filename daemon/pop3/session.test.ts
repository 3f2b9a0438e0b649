/** The life of a session: time, drain, lost connections, slow clients. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loggedIn, MemoryBox, settled, Talk } from "../../test/harness/pop3-session.ts";

const pass = (talk: Talk, ms: number) => {
  talk.clock.advance(ms);
  talk.session.tick(talk.clock.monotonic());
};

test("ten minutes without a command end the session, without a word", async () => {
  for (const talk of [new Talk({ tls: true }), await loggedIn()]) {
    await talk.heard();
    pass(talk, 599_999);
    assert.equal(talk.socket.ended, false);
    pass(talk, 1);
    assert.equal(await talk.heard(), "");
    assert.ok(talk.socket.ended);
    assert.equal(talk.over, 1);
  }
});

test("each command starts the time anew, half a command does not", async () => {
  const talk = await loggedIn();
  pass(talk, 500_000);
  await talk.ask("NOOP");
  pass(talk, 500_000);
  talk.send("NO");
  await settled();
  assert.equal(talk.socket.ended, false);
  pass(talk, 100_000);
  await settled();
  assert.ok(talk.socket.ended);
});

test("time that we take ourselves does not count", async () => {
  const answer = Promise.withResolvers<{ kind: "refused"; why: "wrong" }>();
  const talk = new Talk({ tls: true, host: { password: () => answer.promise } });
  await talk.ask("USER bob", "PASS x");
  pass(talk, 3_600_000);
  assert.equal(talk.socket.ended, false);
  answer.resolve({ kind: "refused", why: "wrong" });
  assert.match(await talk.heard(), /-ERR \[AUTH\]/);
});

test("a client that does not read is cut off in time; one that reads slowly is not", async () => {
  const talk = await loggedIn({ box: new MemoryBox(["x".repeat(500_000)]) });
  talk.socket.accepts = false;
  await talk.ask("RETR 1");
  for (let i = 0; i < 3; i++) {
    pass(talk, 400_000);
    talk.socket.events?.drained();
    await settled();
  }
  assert.equal(talk.socket.ended, false);
  pass(talk, 600_000);
  await settled();
  assert.ok(talk.socket.ended);
  assert.deepEqual(talk.box.calls, ["open", "close"]);
  assert.equal(talk.over, 1);
});

test("drain lets strangers go, and gives an open mailbox a moment to quit", async () => {
  const stranger = new Talk({ tls: true });
  const guest = await loggedIn();
  await stranger.heard();
  for (const talk of [stranger, guest]) {
    talk.session.drain();
    pass(talk, 1_000);
    await settled();
  }
  assert.ok(stranger.socket.ended);
  assert.equal(guest.socket.ended, false);
  assert.equal(await guest.ask("DELE 1", "QUIT"), "+OK\r\n+OK Bye\r\n");
  assert.deepEqual(guest.box.calls, ["open", "remove 1", "close"]);
});

test("drain lets go of a mailbox whose client is silent; nothing is removed", async () => {
  const talk = await loggedIn();
  await talk.ask("DELE 1");
  talk.session.drain();
  pass(talk, 2_999);
  assert.equal(talk.socket.ended, false);
  pass(talk, 1);
  await settled();
  assert.deepEqual(talk.box.calls, ["open", "close"]);
  assert.equal(talk.over, 1);
});

test("nobody comes in while we drain", async () => {
  const talk = new Talk({ tls: true });
  await talk.heard();
  talk.session.drain();
  assert.match(
    await talk.ask("USER bob", "PASS my secret"),
    /-ERR \[SYS\/TEMP\] This server is being stopped/,
  );
  assert.deepEqual(talk.box.calls, []);
  assert.ok(talk.socket.ended);
});

test("abort cuts at once and frees the mailbox", async () => {
  const talk = await loggedIn();
  talk.session.abort();
  await settled();
  assert.deepEqual(talk.box.calls, ["open", "close"]);
  assert.equal(talk.over, 1);
});

test("a client that leaves while its mailbox is being opened leaves nothing held", async () => {
  const box = new MemoryBox(["one"]);
  const gate = Promise.withResolvers<void>();
  const talk = new Talk({ tls: true, box, host: { open: () => gate.promise.then(() => box.open()) } });
  await talk.ask("USER bob", "PASS my secret");
  talk.socket.destroy();
  gate.resolve();
  await settled();
  assert.deepEqual(box.calls, ["open", "close"]);
  assert.equal(talk.over, 1);
});

test("a fault of the host ends the session, not the daemon", async () => {
  const password = async () => {
    throw new Error("a bug");
  };
  const talk = new Talk({ tls: true, host: { password } });
  await talk.ask("USER bob", "PASS x");
  assert.ok(talk.socket.ended);
  assert.equal(talk.over, 1);
});

test("what a client sent before it hung up is still done, and answered", async () => {
  const talk = await loggedIn();
  talk.send("DELE 1\r\nQUIT\r\n");
  talk.socket.events?.ended();
  assert.equal(await talk.heard(), "+OK\r\n+OK Bye\r\n");
  assert.deepEqual(talk.box.calls, ["open", "remove 1", "close"]);
});
