import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { aLetter } from "../../../test/harness/letter.ts";
import { type MilterScript, startMilter } from "../../../test/harness/milter.ts";
import type { Address } from "../../mail/address.ts";
import type { Letter, Opinion } from "../filter.ts";
import { converse } from "./converse.ts";
import { MilterLine } from "./line.ts";

/** As the daemon does: packets go out one by one. */
const connect = (port: number) => net.connect({ port, host: "127.0.0.1", noDelay: true });
const calm = new AbortController().signal;

async function ask(script: MilterScript, letter: Letter = aLetter()) {
  await using milter = await startMilter(script);
  using line = new MilterLine(connect(milter.port), calm, () => {});
  const opinion = await converse(line, letter, calm);
  return { opinion, shown: milter.shown[0] };
}

test("a milter is shown envelope, macros, fields and body, in the order of the protocol", async () => {
  const { opinion, shown } = await ask({});
  assert.deepEqual(opinion, { kind: "keep", fields: [] });
  assert.deepEqual(shown?.packets.slice(0, 13), [
    "O",
    "D Cj mx.example.test _ [192.0.2.1] {daemon_name} postfleet v Postfleet {client_addr} 192.0.2.1 {client_name} [192.0.2.1]",
    "C [192.0.2.1] 4  192.0.2.1",
    "H mail.far.test",
    "D Mi 01abc {mail_addr} x@far.test {mail_host} far.test {mail_mailer} smtp",
    "M <x@far.test>",
    "D R{rcpt_addr} alice@example.test {rcpt_host} example.test {rcpt_mailer} smtp",
    "R <alice@example.test>",
    "T",
    "L From x@far.test",
    "L Subject hi\n there",
    "N",
    "D Ei 01abc",
  ]);
  assert.equal(shown?.body.toString(), "hello\r\n");
});

test("what a milter does not want to see is left out; spaces behind colons stay when it asks for them", async () => {
  const { shown } = await ask({ protocol: 0x01 | 0x02 | 0x10 | 0x40 | 0x200 | 0x100000 });
  const letters = shown?.packets.map((packet) => packet[0]).join("");
  assert.equal(letters, "ODDMDRLLDE");
  assert.ok(shown?.packets.includes("L From  x@far.test"));
  assert.equal(shown?.body.length, 0);
});

test("one that answers only at the end gets all of it without a pause", async () => {
  const quiet = 0x80 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x40000 | 0x80000;
  const body = "A line of a long message.\r\n".repeat(20_000);
  const { opinion, shown } = await ask({ protocol: quiet }, aLetter({}, `Subject: long\r\n\r\n${body}`));
  assert.equal(opinion.kind, "keep");
  assert.equal(shown?.body.toString(), body);
});

test("an old milter, version 2, is not told of DATA", async () => {
  const { shown } = await ask({ version: 2 });
  assert.ok(!shown?.packets.includes("T"));
});

const refusal = {
  kind: "refuse",
  reply: { code: 550, enhanced: "5.7.1", text: "no virus, please" },
} as const;
const table: readonly (readonly [string, MilterScript, Opinion | Opinion["kind"]])[] = [
  ["accept ends it early", { on: { M: ["a"] } }, { kind: "keep", fields: [] }],
  ["a reply speaks for it", { on: { E: ["y 550 5.7.1 no virus, please"] } }, refusal],
  ["reject", { on: { N: ["r"] } }, "refuse"],
  ["discard is a refusal", { on: { E: ["d"] } }, "refuse"],
  ["tempfail", { on: { C: ["t"] } }, "defer"],
  ["it is shutting down", { on: { H: ["4"] } }, "defer"],
  ["421 does not end the session", { on: { E: ["y 421 4.7.0 go away"] } }, "defer"],
  ["quarantine is junk", { on: { E: ["q spam", "c"] } }, { kind: "junk", fields: [] }],
  ["it takes its time", { on: { E: ["p", "p", "c"] } }, { kind: "keep", fields: [] }],
  ["it has seen enough of the body", { on: { B: ["s"] } }, { kind: "keep", fields: [] }],
  [
    "fields are added, inserted and changed alike; removals are not done",
    { on: { E: ["h X-A 1", "i X-B 2", "m X-C 3", "m X-D ", "c"] } },
    { kind: "keep", fields: ["X-A: 1\r\n", "X-B: 2\r\n", "X-C: 3\r\n"] },
  ],
];
for (const [name, script, want] of table) {
  test(name, async () => {
    const { opinion } = await ask(script);
    if (typeof want === "string") assert.equal(opinion.kind, want);
    else assert.deepEqual(opinion, want);
  });
}

test("one of two recipients refused: junk; both: refused", async () => {
  const letter = aLetter({ recipients: ["a@example.test" as Address, "b@example.test" as Address] });
  assert.equal((await ask({ on: { R: ["r"] } }, letter)).opinion.kind, "refuse");
  let count = 0;
  const on = {
    get R() {
      return count++ === 0 ? ["r"] : ["c"];
    },
  };
  assert.equal((await ask({ on }, letter)).opinion.kind, "junk");
});

const failures: readonly (readonly [string, MilterScript, RegExp])[] = [
  ["hangs up", { hangUpAt: "E" }, /hung up/],
  ["speaks something else", { version: 99 }, /version 99/],
  ["adds a recipient", { on: { E: ["+ eve@far.test", "c"] } }, /add a recipient/],
  ["replaces the body", { on: { E: ["b other", "c"] } }, /replace the body/],
  [
    "has more to say than anybody",
    { on: { E: [...Array(1_001).fill("h X-A 1"), "c"] } },
    /does not come to an end/,
  ],
  ["changes the message before its end", { on: { M: ["h X-A 1"] } }, /before its end/],
  ["answers what is no answer", { on: { E: ["z"] } }, /does not have/],
  ["gives a reply that is none", { on: { E: ["y hello"] } }, /reply that is none/],
];
for (const [name, script, why] of failures) {
  test(`a milter that ${name} has failed`, () => assert.rejects(ask(script), why));
}

test("patience that ends ends the conversation", async () => {
  await using milter = await startMilter({ on: { E: [] } });
  const stop = new AbortController();
  using line = new MilterLine(connect(milter.port), stop.signal, () => {});
  const opinion = converse(line, aLetter(), stop.signal);
  setImmediate(() => stop.abort(new Error("it was silent for too long")));
  await assert.rejects(opinion, /silent for too long/);
});
