import assert from "node:assert/strict";
import { test } from "node:test";
import { converse, recorder } from "../../test/harness/smtp-session.ts";

test("a message goes in", async () => {
  const mailroom = recorder();
  const talk = await converse(
    [
      "C: EHLO client.example",
      "S: 250 CHUNKING",
      "C: MAIL FROM:<Ann@Example.test> SIZE=100",
      "S: 250 2.1.0",
      "C: RCPT TO:<bob@example.test>",
      "S: 250 2.1.5",
      "C: DATA",
      "S: 354",
      "C: Subject: hello",
      "C: ",
      "C: ..dot",
      "C: .",
      "S: 250 2.0.0 queued",
      "C: QUIT",
      "S: 221 2.0.0",
    ],
    { mailroom },
  );
  assert.deepEqual(mailroom.messages, [{ octets: "Subject: hello\r\n\r\n.dot\r\n", end: "complete" }]);
  assert.deepEqual(mailroom.calls.slice(1), [
    'mail {"path":"Ann@example.test","body":"7BIT","smtputf8":false,"size":100}',
    'rcpt {"address":"bob@example.test"}',
    "reset",
    "close",
  ]);
  assert.equal(talk.over, 1);
  assert.ok(talk.socket.ended);
});
