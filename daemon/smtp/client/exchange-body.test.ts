import assert from "node:assert/strict";
import { test } from "node:test";
import { always, startNextHop } from "../../../test/harness/next-hop.ts";
import { brief, connectTo, inPieces, mail, never, patient } from "../../../test/harness/outbound.ts";
import { BareNewline } from "./dot-stuffing.ts";

test("a refusal while the message is being sent ends the sending", async () => {
  let given = 0;
  await using hop = await startNextHop(always("body", "552 5.3.4 too much"));
  await using client = await connectTo(hop);
  const endless = async function* () {
    for (; ; given++) {
      yield Buffer.alloc(64 * 1024, "x\r\n");
      await new Promise(setImmediate);
    }
  };
  assert.deepEqual(brief(await client.send(mail({ body: endless }), never)), ["failed 552 5.3.4"]);
  assert.ok(given < 100_000);
  assert.equal(client.reusable, false);
});

test("a yes before the end of the message is not believed", async () => {
  await using hop = await startNextHop(always("body", "250 2.0.0 thanks"));
  await using client = await connectTo(hop);
  const slow = async function* () {
    for (;;) {
      yield Buffer.from("x\r\n");
      await new Promise(setImmediate);
    }
  };
  assert.deepEqual(brief(await client.send(mail({ body: slow }), never)), ["deferred 451 4.5.0"]);
});

test("a server that stops reading is given up when the block's time is over", async () => {
  await using hop = await startNextHop({ reply: ({ stage }) => void (stage === "body" && hop.pauseAll()) });
  await using client = await connectTo(hop, { timeouts: { ...patient, dataBlock: 50 } });
  const endless = async function* () {
    for (;;) yield Buffer.alloc(256 * 1024, "x\r\n");
  };
  const [outcome] = await client.send(mail({ body: endless }), never);
  assert.deepEqual(brief(outcome ? [outcome] : []), ["deferred 451 4.4.2"]);
  assert.match(outcome?.reply.text ?? "", /while sending the message/);
});

test("a message with a bare LF never leaves, and a small one does not even cost the connection", async () => {
  await using hop = await startNextHop();
  await using client = await connectTo(hop);
  await assert.rejects(client.send(mail({ body: () => Buffer.from("a\nb\r\n") }), never), BareNewline);
  assert.deepEqual(hop.commands, ["EHLO out.a.example"]);
  assert.deepEqual(brief(await client.send(mail(), never)), ["delivered 250 2.0.0"]);
  await assert.rejects(client.send(mail({ body: inPieces("a\r\n\r\n\nb\r\n", 3) }), never), BareNewline);
  assert.equal(client.reusable, false);
  await hop.until(() => hop.concurrent === 0);
  assert.equal(hop.messages.length, 1, "no end of the message was sent");
});

test("a body that cannot be read rejects with its own error and never ends the message", async () => {
  const trouble = new Error("store away");
  await using hop = await startNextHop();
  await using client = await connectTo(hop);
  const body = async function* () {
    yield Buffer.from("half\r\n");
    throw trouble;
  };
  await assert.rejects(client.send(mail({ body }), never), trouble);
  await hop.until(() => hop.concurrent === 0);
  assert.equal(hop.messages.length, 0);
});
