import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Answer,
  always,
  cut,
  hang,
  perRecipient,
  type Stage,
  startNextHop,
  usualExtensions,
} from "../../../test/harness/next-hop.ts";
import {
  brief,
  connectTo,
  inPieces,
  mail,
  never,
  patient,
  text,
  three,
  to,
} from "../../../test/harness/outbound.ts";
import type { Address } from "../../mail/address.ts";

const stepwise = usualExtensions.filter((keyword) => keyword !== "PIPELINING");

const modes = [
  { mode: "pipelined", extensions: usualExtensions },
  { mode: "step by step", extensions: stepwise },
  { mode: "chunked", extensions: [...usualExtensions, "CHUNKING"] },
] as const;

/** With BDAT there is no DATA and nothing between it and the end. */
const occurs = (stage: Stage, mode: string): boolean =>
  mode !== "chunked" || (stage !== "data" && stage !== "body");

/** What becomes of one recipient, and whether the connection lives on, when one stage goes wrong. */
const failures: readonly {
  readonly stage: Stage;
  readonly answer: Answer;
  readonly want: string;
  readonly lives: boolean;
}[] = [
  { stage: "mail", answer: "550 5.7.1 no", want: "failed 550 5.7.1", lives: true },
  { stage: "mail", answer: "451 4.3.0 later", want: "deferred 451 4.3.0", lives: true },
  { stage: "mail", answer: "421 4.3.2 bye", want: "deferred 421 4.3.2", lives: false },
  { stage: "mail", answer: "354 what", want: "deferred 451 4.5.0", lives: false },
  { stage: "mail", answer: "hello", want: "deferred 451 4.5.0", lives: false },
  { stage: "mail", answer: cut, want: "deferred 451 4.4.2", lives: false },
  { stage: "rcpt", answer: "550 5.1.1 unknown", want: "failed 550 5.1.1", lives: true },
  { stage: "rcpt", answer: "450 4.2.1 greylisted", want: "deferred 450 4.2.1", lives: true },
  { stage: "rcpt", answer: "552 5.5.3 too many", want: "failed 552 5.5.3", lives: true },
  { stage: "rcpt", answer: "421 4.7.0 slow down", want: "deferred 421 4.7.0", lives: false },
  { stage: "rcpt", answer: "354 what", want: "deferred 451 4.5.0", lives: false },
  { stage: "rcpt", answer: cut, want: "deferred 451 4.4.2", lives: false },
  { stage: "data", answer: "554 5.7.1 no", want: "failed 554 5.7.1", lives: true },
  { stage: "data", answer: "452 4.3.1 full", want: "deferred 452 4.3.1", lives: true },
  { stage: "data", answer: "250 what", want: "deferred 451 4.5.0", lives: false },
  { stage: "data", answer: "421 4.3.2 bye", want: "deferred 421 4.3.2", lives: false },
  { stage: "data", answer: cut, want: "deferred 451 4.4.2", lives: false },
  { stage: "body", answer: cut, want: "deferred 451 4.4.2", lives: false },
  { stage: "dot", answer: "554 5.6.0 spam", want: "failed 554 5.6.0", lives: true },
  { stage: "dot", answer: "451 4.3.0 disk", want: "deferred 451 4.3.0", lives: true },
  { stage: "dot", answer: "421 4.3.2 bye", want: "deferred 421 4.3.2", lives: false },
  { stage: "dot", answer: "354 what", want: "deferred 451 4.5.0", lives: false },
  { stage: "dot", answer: "junk", want: "deferred 451 4.5.0", lives: false },
  { stage: "dot", answer: cut, want: "deferred 451 4.4.2", lives: false },
];

for (const { mode, extensions } of modes) {
  for (const { stage, answer, want, lives } of failures.filter((row) => occurs(row.stage, mode))) {
    test(`${mode}: ${JSON.stringify(answer)} at ${stage} → ${want}${lives ? "" : ", connection over"}`, async () => {
      let failing = true;
      await using hop = await startNextHop({
        extensions,
        reply: (moment) => (failing && moment.stage === stage ? answer : undefined),
      });
      await using client = await connectTo(hop);
      const outcomes = await client.send(mail(), never);
      assert.deepEqual(brief(outcomes), [want]);
      assert.deepEqual(outcomes[0]?.remote, { name: "mx.b.example", address: "127.0.0.1" });
      assert.equal(client.reusable, lives);
      failing = false;
      // What went wrong leaves nothing behind: the next message on this connection is taken.
      if (lives) assert.deepEqual(brief(await client.send(mail(), never)), ["delivered 250 2.0.0"]);
      else await client.closed;
    });
  }

  for (const stage of (["mail", "rcpt", "data", "dot"] as const).filter((each) => occurs(each, mode))) {
    test(`${mode}: no answer at ${stage} → deferred when the time is up`, async () => {
      const limits = { mail: "mail", rcpt: "rcpt", data: "dataInit", dot: "finalDot" } as const;
      await using hop = await startNextHop({ extensions, ...always(stage, hang) });
      await using client = await connectTo(hop, { timeouts: { ...patient, [limits[stage]]: 30 } });
      const [outcome] = await client.send(mail(), never);
      assert.deepEqual(brief(outcome ? [outcome] : []), ["deferred 451 4.4.2"]);
      assert.match(outcome?.reply.text ?? "", /did not answer in time/);
      assert.equal(client.reusable, false);
    });
  }

  test(`${mode}: each recipient has its own result, and the rest get the message`, async () => {
    await using hop = await startNextHop({
      extensions,
      ...perRecipient({ "a@b.example": "550 5.1.1 unknown", "c@b.example": "452 4.2.2 full" }),
    });
    await using client = await connectTo(hop);
    const outcomes = await client.send(mail({ recipients: three }), never);
    assert.deepEqual(brief(outcomes), ["failed 550 5.1.1", "delivered 250 2.0.0", "deferred 452 4.2.2"]);
    assert.deepEqual(hop.messages[0]?.rcpts, ["RCPT TO:<b@b.example>"]);
    assert.equal(hop.messages[0]?.octets.toString(), text);
  });

  test(`${mode}: a refused recipient stays refused when the connection is lost later`, async () => {
    const refusal = perRecipient({ "a@b.example": "550 5.1.1 unknown" });
    await using hop = await startNextHop({
      extensions,
      reply: (moment) => (moment.stage === "dot" ? cut : refusal.reply?.(moment)),
    });
    await using client = await connectTo(hop);
    const outcomes = await client.send(mail({ recipients: three }), never);
    assert.deepEqual(brief(outcomes), ["failed 550 5.1.1", "deferred 451 4.4.2", "deferred 451 4.4.2"]);
    assert.match(outcomes[1]?.reply.text ?? "", /after the message was sent/);
  });

  test(`${mode}: 552 behind an accepted recipient means "too many", and waits`, async () => {
    await using hop = await startNextHop({
      extensions,
      ...perRecipient({ "b@b.example": "552 too many recipients", "c@b.example": "552 5.2.2 mailbox full" }),
    });
    await using client = await connectTo(hop);
    const outcomes = await client.send(mail({ recipients: three }), never);
    assert.deepEqual(brief(outcomes), ["delivered 250 2.0.0", "deferred 452 4.5.3", "failed 552 5.2.2"]);
  });

  test(`${mode}: a message in pieces arrives octet for octet`, async () => {
    await using hop = await startNextHop({ extensions });
    await using client = await connectTo(hop);
    const long = `Subject: long\r\n\r\n${".a line\r\n..\r\n".repeat(20_000)}end`;
    const outcomes = await client.send(mail({ size: long.length, body: inPieces(long, 7_001) }), never);
    assert.deepEqual(brief(outcomes), ["delivered 250 2.0.0"]);
    assert.equal(hop.messages[0]?.octets.toString(), `${long}\r\n`);
    assert.equal(client.reusable, true);
  });
}

test("pipelined: the envelope is one write, the message another", async () => {
  await using hop = await startNextHop();
  await using client = await connectTo(hop);
  await client.send(mail({ recipients: three.slice(1) }), never);
  const envelope =
    "MAIL FROM:<al@a.example> SIZE=33\r\nRCPT TO:<b@b.example>\r\nRCPT TO:<c@b.example>\r\nDATA\r\n";
  assert.deepEqual(hop.bursts, ["EHLO out.a.example\r\n", envelope]);
});

test("pipelined: 354 though everybody was refused is answered with a lone dot", async () => {
  await using hop = await startNextHop({
    reply: ({ stage }) =>
      stage === "rcpt" ? "550 5.1.1 unknown" : stage === "data" ? "354 go ahead" : undefined,
  });
  await using client = await connectTo(hop);
  assert.deepEqual(brief(await client.send(mail(), never)), ["failed 550 5.1.1"]);
  assert.equal(hop.messages[0]?.octets.length, 0, "nothing of the message was sent");
  assert.equal(client.reusable, true);
});

test("a transaction that was left open is reset before the next, in the same write", async () => {
  await using hop = await startNextHop(perRecipient({ "bo@b.example": "550 5.1.1 unknown" }));
  await using client = await connectTo(hop);
  await client.send(mail(), never);
  const before = hop.bursts.length;
  assert.deepEqual(brief(await client.send(mail({ recipients: to("x@b.example") }), never)), [
    "delivered 250 2.0.0",
  ]);
  assert.equal(hop.bursts.length, before + 1);
  assert.match(hop.bursts.at(-1) ?? "", /^RSET\r\nMAIL FROM/);
  await client.send(mail({ recipients: to("y@b.example") }), never);
  assert.match(hop.bursts.at(-1) ?? "", /^MAIL FROM/, "a message that ended needs no RSET");
});

test("a server that cannot even reset is left", async () => {
  await using hop = await startNextHop({
    reply: ({ stage }) =>
      stage === "rcpt" ? "550 5.1.1 unknown" : stage === "rset" ? "500 what" : undefined,
  });
  await using client = await connectTo(hop);
  await client.send(mail(), never);
  assert.deepEqual(brief(await client.send(mail(), never)), ["deferred 451 4.5.0"]);
  assert.equal(client.reusable, false);
});

test("who takes over the DSN duty", async () => {
  for (const [keywords, how] of [
    [["DSN", "PIPELINING"], "passedOn"],
    [["PIPELINING"], "relayed"],
  ] as const) {
    await using hop = await startNextHop({ extensions: keywords });
    await using client = await connectTo(hop);
    const [outcome] = await client.send(
      mail({ recipients: [{ address: "bo@b.example" as Address, notify: ["success"] }] }),
      never,
    );
    assert.equal(outcome?.kind === "delivered" && outcome.how, how);
    assert.equal(hop.messages[0]?.rcpts[0]?.includes("NOTIFY=SUCCESS"), how === "passedOn");
  }
});

test("what cannot be sent to this server is settled without a word to it", async () => {
  await using hop = await startNextHop({ extensions: ["PIPELINING", "SIZE 10"] });
  await using client = await connectTo(hop);
  assert.deepEqual(brief(await client.send(mail(), never)), ["failed 552 5.3.4"]);
  assert.deepEqual(hop.commands, ["EHLO out.a.example"]);
  assert.equal(client.reusable, true);
});

test("a recipient in UTF-8 fails alone where SMTPUTF8 is missing", async () => {
  await using hop = await startNextHop({ extensions: ["PIPELINING"] });
  await using client = await connectTo(hop);
  const outcomes = await client.send(mail({ recipients: to("jürgen@b.example", "bo@b.example") }), never);
  assert.deepEqual(brief(outcomes), ["failed 553 5.6.7", "delivered 250 2.0.0"]);
  assert.deepEqual(hop.messages[0]?.rcpts, ["RCPT TO:<bo@b.example>"]);
});

test("an endless remote text is kept short", async () => {
  await using hop = await startNextHop(
    always("mail", `550-5.7.1 ${"x".repeat(900)}\r\n`.repeat(3).concat("550 5.7.1 end")),
  );
  await using client = await connectTo(hop);
  const [outcome] = await client.send(mail(), never);
  assert.equal(outcome?.kind, "failed");
  assert.ok((outcome?.reply.text.length ?? 0) <= 1_001);
});
