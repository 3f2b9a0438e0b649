import assert from "node:assert/strict";
import { test } from "node:test";
import {
  codes,
  collect,
  converse,
  recorder,
  refusal,
  settled,
  type Taken,
} from "../../test/harness/smtp-session.ts";
import { reply } from "../mail/reply.ts";

const open = [
  "C: EHLO c.example",
  "S: 250",
  "C: MAIL FROM:<a@x.example>",
  "S: 250",
  "C: RCPT TO:<b@x.example>",
  "S: 250",
];
const minute = 60_000;

test("a message goes in", async () => {
  const mailroom = recorder();
  const script = [
    "C: DATA",
    "S: 354",
    "C: Subject: hello",
    "C: ",
    "C: ..dot",
    "C: .",
    "S: 250 2.0.0 queued",
    "C: QUIT",
    "S: 221 2.0.0",
  ];
  const talk = await converse([...open, ...script], { mailroom });
  assert.deepEqual(mailroom.messages, [{ octets: "Subject: hello\r\n\r\n.dot\r\n", end: "complete" }]);
  assert.deepEqual(mailroom.calls.slice(1), [
    'mail {"path":"a@x.example","body":"7BIT","smtputf8":false}',
    'rcpt {"address":"b@x.example"}',
    "reset",
    "close",
  ]);
  assert.equal(talk.over, 1);
  assert.ok(talk.socket.ended);
});

test("replies to pipelined commands go out in one write, in order, at once", async () => {
  const talk = await converse(open.slice(0, 2));
  const { socket } = talk;
  socket.out = "";
  socket.writes = 0;
  talk.send("MAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<>\r\nDATA\r\n");
  assert.deepEqual(codes(socket.out), [250, 250, 501, 354]);
  assert.equal(socket.writes, 1);
});

test("order holds when the mailroom takes its time", async () => {
  const slow = recorder({
    mail: () => new Promise((resolve) => setImmediate(resolve, undefined)),
    rcpt: async ({ address }) => (address.startsWith("no") ? refusal(550, "5.1.1") : undefined),
  });
  const talk = await converse(open.slice(0, 2), { mailroom: slow });
  talk.send("MAIL FROM:<>\r\nRCPT TO:<no@x.example>\r\nRCPT TO:<b@x.example>\r\n");
  talk.send("BDAT 2 LAST\r\n\r\nQUIT\r\n");
  assert.deepEqual(codes((await talk.heard()) + (await talk.heard())), [250, 550, 250, 250, 221]);
});

test("an idle client is timed out, however slowly it dribbles", async () => {
  const talk = await converse(open.slice(0, 2));
  for (let spent = 0; spent < 5 * minute; spent += minute) {
    talk.session.tick(talk.clock.monotonic());
    talk.send("x");
    talk.clock.advance(minute);
  }
  assert.equal(talk.socket.out, "");
  talk.session.tick(talk.clock.monotonic());
  assert.match(await talk.heard(), /^421 4\.4\.2 /);
  assert.ok(talk.socket.ended);
});

test("each command starts the time anew", async () => {
  const talk = await converse(open.slice(0, 2));
  for (let i = 0; i < 3; i++) {
    talk.clock.advance(5 * minute - 1);
    talk.session.tick(talk.clock.monotonic());
    assert.match(await talk.ask("NOOP"), /^250/);
  }
});

test("a message must make progress", async () => {
  const mailroom = recorder({ maxMessageSize: 1e9 });
  const talk = await converse([...open, "C: DATA", "S: 354"], {
    mailroom,
    limits: { dataWindowOctets: 100 },
  });
  for (let i = 0; i < 3; i++) {
    talk.send("x".repeat(100));
    talk.clock.advance(10 * minute);
    talk.session.tick(talk.clock.monotonic());
    assert.equal(talk.socket.out, "");
  }
  talk.send("x".repeat(99));
  talk.clock.advance(10 * minute);
  talk.session.tick(talk.clock.monotonic());
  assert.match(await talk.heard(), /^421 4\.4\.2 /);
  assert.equal(mailroom.messages[0]?.end, "aborted");
  assert.equal(mailroom.calls.at(-1), "close");
});

test("time that the mailroom takes is not the client's", async () => {
  const answer = Promise.withResolvers<undefined>();
  const talk = await converse(open.slice(0, 2), { mailroom: recorder({ mail: () => answer.promise }) });
  talk.send("MAIL FROM:<>\r\n");
  talk.clock.advance(6 * minute);
  talk.session.tick(talk.clock.monotonic());
  answer.resolve(undefined);
  assert.match(await talk.heard(), /^250/);
  talk.session.tick(talk.clock.monotonic());
  assert.match(await talk.ask("NOOP"), /^250/);
});

test("a client that does not read its replies is not served any further", async () => {
  const mailroom = recorder();
  const talk = await converse(open.slice(0, 2), { mailroom });
  talk.socket.accepts = false;
  talk.send("NOOP\r\n");
  talk.send("MAIL FROM:<>\r\n");
  assert.equal((await talk.heard()).length, "250 2.0.0 OK\r\n".length);
  assert.equal(
    mailroom.calls.some((call) => call.startsWith("mail")),
    false,
  );
  talk.socket.accepts = true;
  talk.socket.events?.drained();
  assert.match(await talk.heard(), /^250 2\.1\.0/);
});

test("while the mailroom thinks, little is taken from the client", async () => {
  const answer = Promise.withResolvers<undefined>();
  const talk = await converse(open.slice(0, 2), { mailroom: recorder({ mail: () => answer.promise }) });
  talk.send("MAIL FROM:<>\r\n");
  for (let i = 0; i < 4; i++) talk.send("NOOP\r\n".repeat(5_461));
  assert.equal(talk.socket.paused, true);
  answer.resolve(undefined);
  assert.ok((await talk.heard()).length > 0);
  assert.equal(talk.socket.paused, false);
});

test("an idle session is drained at once, one in a transaction after it", async () => {
  const idle = await converse(open.slice(0, 2));
  idle.session.drain();
  assert.match(await idle.heard(), /^421 4\.3\.2 /);
  assert.equal(idle.over, 1);

  const busy = await converse(open);
  busy.session.drain();
  assert.equal(await busy.heard(), "");
  busy.send("DATA\r\n");
  assert.match(await busy.heard(), /^354/);
  busy.send("x\r\n.\r\nMAIL FROM:<>\r\n");
  assert.deepEqual(codes(await busy.heard()), [250, 421]);
  assert.equal(busy.over, 1);
});

test("a lost connection aborts the message and closes the session once", async () => {
  const mailroom = recorder();
  const talk = await converse([...open, "C: DATA", "S: 354"], { mailroom });
  talk.send("half a mess");
  talk.socket.destroy();
  talk.session.abort();
  assert.deepEqual(mailroom.messages, [{ octets: "half a mess", end: "aborted" }]);
  assert.deepEqual(
    mailroom.calls.filter((call) => call === "close"),
    ["close"],
  );
  assert.equal(talk.over, 1);
});

test("a lost connection is told by the signal, and the mailroom is let go only after its answer", async () => {
  const order: string[] = [];
  const messages: Taken[] = [];
  const mailroom = recorder({
    open: (_, signal) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          order.push("signal");
          setImmediate(() => resolve(collect(messages)));
        });
      }),
    close: () => void order.push("close"),
  });
  const talk = await converse(open, { mailroom });
  talk.send("DATA\r\n");
  talk.socket.destroy();
  assert.deepEqual(order, ["signal"]);
  await settled();
  await settled();
  assert.deepEqual(order, ["signal", "close"]);
  assert.deepEqual(messages, [{ octets: "", end: "aborted" }]);
});

test("a message that is being made durable is not disturbed by a lost connection", async () => {
  const end = Promise.withResolvers<ReturnType<typeof reply>>();
  let signalled: AbortSignal | undefined;
  const messages: Taken[] = [];
  const mailroom = recorder({
    open: (_, signal) => {
      signalled = signal;
      return { ...collect(messages), end: () => end.promise };
    },
  });
  const talk = await converse([...open, "C: DATA", "S: 354"], { mailroom });
  talk.send("x\r\n.\r\n");
  talk.socket.destroy();
  await settled();
  assert.equal(signalled?.aborted, false);
  assert.equal(mailroom.calls.at(-1)?.startsWith("rcpt"), true);
  end.resolve(reply(250, "2.0.0", "queued"));
  await settled();
  assert.equal(signalled?.aborted, true);
  assert.deepEqual(messages, []);
  assert.equal(mailroom.calls.at(-1), "close");
});

test("a client that has said all it had to say still hears the answers", async () => {
  const mailroom = recorder({ mail: () => new Promise((resolve) => setImmediate(resolve, undefined)) });
  const talk = await converse(open.slice(0, 2), { mailroom });
  talk.send("MAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\n");
  talk.socket.events?.ended();
  assert.deepEqual(codes(await talk.heard()), [250, 250]);
  assert.ok(talk.socket.ended);
  assert.equal(mailroom.calls.at(-1), "close");
});

test("a mailroom that throws is answered 451, and the session goes on", async () => {
  const bug = () => {
    throw new Error("bug");
  };
  for (const mail of [bug, () => Promise.reject(new Error("bug"))]) {
    const talk = await converse(open.slice(0, 2), { mailroom: recorder({ mail }) });
    assert.match(await talk.ask("MAIL FROM:<>"), /^451 4\.3\.0 /);
    assert.match(await talk.ask("NOOP"), /^250/);
  }
});

test("421 of the mailroom ends the session", async () => {
  const talk = await converse(open.slice(0, 2), {
    mailroom: recorder({ mail: () => refusal(421, "4.7.0") }),
  });
  talk.send("MAIL FROM:<>\r\nNOOP\r\n");
  assert.deepEqual(codes(await talk.heard()), [421]);
  assert.ok(talk.socket.ended);
});
