import assert from "node:assert/strict";
import { test } from "node:test";
import { always, cut, hang, startNextHop } from "../../../test/harness/next-hop.ts";
import { connectTo, mail, never, patient, to } from "../../../test/harness/outbound.ts";

test("several messages go over one connection", async () => {
  await using hop = await startNextHop();
  await using client = await connectTo(hop);
  for (let count = 1; count <= 3; count++) {
    await client.send(mail(), never);
    assert.equal(client.sent, count);
    assert.equal(client.reusable, true);
  }
  assert.equal(hop.messages.length, 3);
  assert.equal(hop.connections, 1);
});

test("a connection is not reusable while it is busy, and takes one transaction at a time", async () => {
  await using hop = await startNextHop();
  await using client = await connectTo(hop);
  const first = client.send(mail(), never);
  assert.equal(client.reusable, false);
  await assert.rejects(client.send(mail(), never), /under way/);
  assert.equal((await first)[0]?.kind, "delivered");
  assert.equal(client.reusable, true);
});

test("a server that closes an idle connection is noticed", async () => {
  await using hop = await startNextHop();
  await using client = await connectTo(hop);
  await client.send(mail(), never);
  hop.cutAll();
  await client.closed;
  assert.equal(client.reusable, false);
  const [outcome] = await client.send(mail(), never);
  assert.equal(outcome?.kind, "deferred");
});

test("421 on an idle connection ends it, and its words are kept", async () => {
  await using hop = await startNextHop();
  await using client = await connectTo(hop);
  hop.sayAll("421 4.4.2 idle too long\r\n");
  await client.closed;
  const [outcome] = await client.send(mail(), never);
  assert.deepEqual(outcome?.reply, { code: 421, enhanced: "4.4.2", text: "idle too long" });
});

test("a reply that nothing asked for ends the connection: it would be taken for the next one's", async () => {
  await using hop = await startNextHop();
  await using client = await connectTo(hop);
  hop.sayAll("250 2.0.0 and by the way\r\n");
  await client.closed;
  assert.equal((await client.send(mail(), never))[0]?.reply.enhanced, "4.5.0");
});

test("one reply too many in a transaction does not count for the next", async () => {
  await using hop = await startNextHop(always("dot", "250 2.0.0 taken\r\n250 2.0.0 twice"));
  await using client = await connectTo(hop);
  assert.equal((await client.send(mail(), never))[0]?.kind, "delivered");
  await client.closed;
  assert.equal(client.reusable, false);
});

test("aborting ends the connection and defers those without a reply", async () => {
  for (const stage of ["mail", "rcpt", "data", "dot"] as const) {
    const stop = new AbortController();
    await using hop = await startNextHop({
      reply: (moment) => {
        if (moment.stage !== stage) return undefined;
        stop.abort(new Error("shutting down"));
        return hang;
      },
    });
    await using client = await connectTo(hop);
    const [outcome] = await client.send(mail(), stop.signal);
    assert.equal(outcome?.kind, "deferred");
    assert.equal(outcome?.reply.enhanced, "4.3.2");
    assert.match(outcome?.reply.text ?? "", /shutting down/);
    assert.equal(client.reusable, false);
  }
});

test("an aborted signal stops a transaction before it starts; one that is aborted later does no harm", async () => {
  await using hop = await startNextHop();
  await using client = await connectTo(hop);
  const stop = new AbortController();
  await client.send(mail(), stop.signal);
  stop.abort();
  assert.equal(client.reusable, true);
  assert.equal((await client.send(mail(), stop.signal))[0]?.kind, "deferred");
  assert.equal(hop.messages.length, 1);
});

test("quit says QUIT and waits for the answer, but not for long", async () => {
  await using hop = await startNextHop();
  await (await connectTo(hop)).quit();
  assert.equal(hop.commands.at(-1), "QUIT");
  for (const answer of [hang, cut, "500 what"] as const) {
    await using rude = await startNextHop(always("quit", answer));
    const client = await connectTo(rude, { timeouts: { ...patient, quit: 30 } });
    await client.quit();
    await client.closed;
    await client.quit(); // again: nothing happens
  }
});

test("quit in the middle of a transaction is the end of it", async () => {
  await using hop = await startNextHop(always("mail", hang));
  const client = await connectTo(hop);
  const sending = client.send(mail(), never);
  await client.quit();
  assert.equal((await sending)[0]?.reply.enhanced, "4.3.2");
});

test("LIMITS: no more recipients per transaction, no more messages per connection", async () => {
  await using hop = await startNextHop({ extensions: ["PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=3"] });
  await using client = await connectTo(hop);
  const outcomes = await client.send(
    mail({ recipients: to("a@b.example", "b@b.example", "c@b.example") }),
    never,
  );
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ["delivered", "delivered", "delivered"],
  );
  assert.deepEqual(
    hop.messages.map(({ rcpts }) => rcpts.length),
    [2, 1],
  );
  assert.equal(client.reusable, true);
  await client.send(mail(), never);
  assert.equal(client.reusable, false);
});

test("nobody to send to is no transaction", async () => {
  await using hop = await startNextHop();
  await using client = await connectTo(hop);
  assert.deepEqual(await client.send(mail({ recipients: [] }), never), []);
  assert.equal(client.reusable, true);
  assert.deepEqual(hop.commands, ["EHLO out.a.example"]);
});

const deaths = [
  { name: "closed while idle", stage: undefined, answer: cut, second: true, want: true },
  { name: "closed at MAIL", stage: "mail", answer: cut, second: true, want: true },
  { name: "421 to MAIL", stage: "mail", answer: "421 4.4.2 too long", second: true, want: true },
  { name: "closed at RCPT", stage: "rcpt", answer: cut, second: true, want: false },
  { name: "closed behind the message", stage: "dot", answer: cut, second: true, want: false },
  {
    name: "421 to the first message of all",
    stage: "mail",
    answer: "421 4.4.2 busy",
    second: false,
    want: false,
  },
  { name: "refused, but alive", stage: "mail", answer: "450 later", second: true, want: false },
] as const;

for (const { name, stage, answer, second, want } of deaths) {
  test(`a connection that was ${name} is ${want ? "" : "not "}stale`, async () => {
    await using hop = await startNextHop({
      reply: (moment) =>
        moment.stage === stage && moment.transaction === (second ? 2 : 1) ? answer : undefined,
    });
    await using client = await connectTo(hop);
    if (second) {
      await client.send(mail(), never);
      assert.equal(client.stale, false);
    }
    if (stage === undefined) {
      hop.cutAll();
      await client.closed;
    }
    assert.equal((await client.send(mail(), never))[0]?.kind, "deferred");
    assert.equal(client.stale, want);
  });
}
