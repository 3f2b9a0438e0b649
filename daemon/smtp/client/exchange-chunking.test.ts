import assert from "node:assert/strict";
import { test } from "node:test";
import { always, startNextHop } from "../../../test/harness/next-hop.ts";
import { brief, connectTo, inPieces, mail, never, text } from "../../../test/harness/outbound.ts";

test("chunked: envelope and message are one write, and the octets arrive as they are", async () => {
  await using hop = await startNextHop({ extensions: ["PIPELINING", "CHUNKING"] });
  await using client = await connectTo(hop);
  await client.send(mail(), never);
  assert.equal(
    hop.bursts[1],
    `MAIL FROM:<al@a.example>\r\nRCPT TO:<bo@b.example>\r\nBDAT ${text.length} LAST\r\n${text}`,
  );
  assert.equal(hop.messages[0]?.how, "BDAT");
  assert.equal(hop.messages[0]?.octets.toString(), text);
});

test("chunked: a message to nobody is forgotten, and its octets are no commands", async () => {
  await using hop = await startNextHop({
    extensions: ["PIPELINING", "CHUNKING"],
    ...always("rcpt", "550 5.1.1 unknown"),
  });
  await using client = await connectTo(hop);
  const body = () => Buffer.from("RSET\r\nMAIL FROM:<evil@a.example>\r\n");
  assert.deepEqual(brief(await client.send(mail({ body }), never)), ["failed 550 5.1.1"]);
  assert.deepEqual(brief(await client.send(mail({ body }), never)), ["failed 550 5.1.1"], "in step");
  assert.equal(hop.commands.filter((line) => line.startsWith("MAIL")).length, 2);
  assert.ok(!hop.commands.some((line) => line.includes("evil")));
});

test("chunked: a server that offers it and does not know BDAT gets DATA the next time", async () => {
  await using hop = await startNextHop({
    extensions: ["PIPELINING", "CHUNKING"],
    reply: ({ stage, transaction }) =>
      stage === "dot" && transaction === 1 ? "502 5.5.1 not implemented" : undefined,
  });
  await using first = await connectTo(hop);
  assert.deepEqual(brief(await first.send(mail(), never)), ["deferred 451 4.5.0"]);
  assert.equal(first.reusable, false);
  await using second = await connectTo(hop);
  assert.deepEqual(brief(await second.send(mail(), never)), ["delivered 250 2.0.0"]);
  assert.equal(hop.messages.at(-1)?.how, "DATA");
});

test("chunking is for small messages, pipelining servers and SMTP", async () => {
  const large = Buffer.alloc(65_537 * 2, "x\r\n");
  const cases = [
    { extensions: ["PIPELINING", "CHUNKING"], body: () => large, lmtp: false },
    { extensions: ["PIPELINING", "CHUNKING"], body: inPieces(text, 10), lmtp: false },
    { extensions: ["CHUNKING"], body: mail().body, lmtp: false },
    { extensions: ["PIPELINING", "CHUNKING"], body: mail().body, lmtp: true },
  ];
  for (const { extensions, body, lmtp } of cases) {
    await using hop = await startNextHop({ extensions, lmtp });
    await using client = await connectTo(hop, { lmtp });
    assert.deepEqual(brief(await client.send(mail({ body }), never)), ["delivered 250 2.0.0"]);
    assert.equal(hop.messages[0]?.how, "DATA");
  }
});
