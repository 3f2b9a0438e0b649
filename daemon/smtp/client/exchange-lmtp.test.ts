import assert from "node:assert/strict";
import { test } from "node:test";
import { cut, perRecipient, type Script, startNextHop } from "../../../test/harness/next-hop.ts";
import { brief, connectTo, mail, never, three, to } from "../../../test/harness/outbound.ts";

const modes = [
  { mode: "pipelined", extensions: ["PIPELINING", "ENHANCEDSTATUSCODES"] },
  { mode: "step by step", extensions: ["ENHANCEDSTATUSCODES"] },
] as const;

for (const { mode, extensions } of modes) {
  const lmtp = { lmtp: true, extensions } satisfies Script;

  test(`LMTP, ${mode}: a reply for each recipient, also when one is named twice`, async () => {
    const replies = ["250 2.0.0 filed", "452 4.2.2 full", "550 5.7.1 refused"];
    await using hop = await startNextHop({
      ...lmtp,
      reply: ({ stage, times }) => (stage === "dot" ? replies[times - 1] : undefined),
    });
    await using client = await connectTo(hop, { lmtp: true });
    const outcomes = await client.send(
      mail({ recipients: to("a@b.example", "a@b.example", "c@b.example") }),
      never,
    );
    assert.deepEqual(brief(outcomes), ["delivered 250 2.0.0", "deferred 452 4.2.2", "failed 550 5.7.1"]);
    assert.equal(outcomes[0]?.kind === "delivered" && outcomes[0].how, "final");
    assert.equal(client.reusable, true);
  });

  test(`LMTP, ${mode}: only accepted recipients are waited for`, async () => {
    await using hop = await startNextHop({
      ...lmtp,
      ...perRecipient({ "b@b.example": "550 5.1.1 unknown" }),
    });
    await using client = await connectTo(hop, { lmtp: true });
    assert.deepEqual(brief(await client.send(mail({ recipients: three }), never)), [
      "delivered 250 2.0.0",
      "failed 550 5.1.1",
      "delivered 250 2.0.0",
    ]);
    assert.deepEqual(brief(await client.send(mail(), never)), ["delivered 250 2.0.0"], "in step");
  });

  test(`LMTP, ${mode}: lost between the final replies`, async () => {
    await using hop = await startNextHop({
      ...lmtp,
      reply: ({ stage, times }) => (stage === "dot" && times === 2 ? cut : undefined),
    });
    await using client = await connectTo(hop, { lmtp: true });
    assert.deepEqual(brief(await client.send(mail({ recipients: three }), never)), [
      "delivered 250 2.0.0",
      "deferred 451 4.4.2",
      "deferred 451 4.4.2",
    ]);
  });
}

test("LMTP: 354 for nobody ends the connection", async () => {
  await using hop = await startNextHop({
    lmtp: true,
    reply: ({ stage }) =>
      stage === "rcpt" ? "550 5.1.1 unknown" : stage === "data" ? "354 go ahead" : undefined,
  });
  await using client = await connectTo(hop, { lmtp: true });
  assert.deepEqual(brief(await client.send(mail(), never)), ["failed 550 5.1.1"]);
  assert.equal(client.reusable, false);
});
