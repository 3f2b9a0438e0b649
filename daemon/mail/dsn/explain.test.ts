import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { reply } from "../reply.ts";
import { explain } from "./explain.ts";

const table: { given: [code: number, enhanced: string, text: string]; want: RegExp }[] = [
  { given: [550, "5.1.1", "x"], want: /no mailbox with this address/ },
  { given: [550, "5.1.2", "x"], want: /after the @ sign does not exist/ },
  { given: [556, "5.1.10", "x"], want: /does not receive any mail/ },
  { given: [452, "4.2.2", "x"], want: /mailbox is full/ },
  { given: [552, "5.2.2", "x"], want: /mailbox is full/ },
  { given: [450, "4.2.1", "x"], want: /disabled/ },
  { given: [552, "5.3.4", "x"], want: /too large/ },
  { given: [451, "4.4.1", "x"], want: /did not answer, or refused the connection/ },
  { given: [451, "4.4.3", "x"], want: /could not be looked up/ },
  { given: [554, "5.4.6", "x"], want: /went in a circle/ },
  { given: [554, "5.4.7", "x"], want: /in time/ },
  { given: [554, "5.6.3", "x"], want: /characters that the recipient's old mail server cannot carry/ },
  { given: [553, "5.6.7", "x"], want: /letters outside English/ },
  { given: [554, "5.7.1", "x"], want: /spam/ },
  { given: [451, "4.7.1", "Greylisted"], want: /put the message off/ },
  { given: [451, "4.7.5", "TLS"], want: /encrypted connection/ },
  { given: [550, "5.7.26", "x"], want: /really comes from your domain/ },
  { given: [550, "5.1.99", "x"], want: /address was not accepted/ },
  { given: [550, "5.9.9", "x"], want: /did not accept the message/ },
  { given: [550, "5.0.0", "User unknown in virtual mailbox table"], want: /no mailbox/ },
  { given: [550, "5.0.0", "Requested action not taken: mailbox unavailable"], want: /no mailbox/ },
  { given: [550, "5.0.0", "Your IP is on a blocklist"], want: /spam/ },
  { given: [552, "5.0.0", "Over quota"], want: /mailbox is full/ },
  { given: [552, "5.0.0", "no"], want: /too large/ },
  { given: [421, "4.0.0", "bye"], want: /overloaded/ },
  { given: [550, "garbage", "no"], want: /did not accept the message/ },
];
for (const { given, want } of table)
  test(`${given.join(" ")} in plain words`, () => assert.match(explain(reply(...given)).what, want));

test("every reply is explained by whole sentences, without codes", () => {
  const codes = fc.tuple(fc.constantFrom(4, 5), fc.nat(9), fc.nat(40));
  fc.assert(
    fc.property(codes, fc.string({ unit: "binary" }), ([kind, subject, detail], text) => {
      const { what, toDo } = explain(reply(kind * 100 + 50, `${kind}.${subject}.${detail}`, text));
      for (const words of [what, toDo]) assert.match(words, /^[A-Z][A-Za-z '@,.:;-]+\.$/);
    }),
  );
});

test("a long reply is not searched to its end", () => {
  const start = process.cpuUsage();
  explain(reply(550, "5.0.0", "user ".repeat(200_000)));
  assert.ok(process.cpuUsage(start).user < 500_000);
});
