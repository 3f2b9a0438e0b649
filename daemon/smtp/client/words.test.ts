import assert from "node:assert/strict";
import { test } from "node:test";
import { reply } from "../../mail/reply.ts";
import { type LossKind, WireLost } from "./wire.ts";
import { kept, lossReply, nameOf } from "./words.ts";

const remote = { name: "mx.b.example", address: "192.0.2.1" };

const table = [
  { kind: "closed", code: 451, enhanced: "4.4.2", says: /lost while waiting: reset/ },
  { kind: "timeout", code: 451, enhanced: "4.4.2", says: /did not answer in time while waiting/ },
  { kind: "protocol", code: 451, enhanced: "4.5.0", says: /broke the protocol/ },
  { kind: "aborted", code: 451, enhanced: "4.3.2", says: /was stopped while waiting: reset/ },
  { kind: "closing", code: 421, enhanced: "4.4.2", says: /closed the session/ },
] as const satisfies readonly { kind: LossKind; code: number; enhanced: string; says: RegExp }[];

for (const { kind, code, enhanced, says } of table) {
  test(`a connection that ended (${kind}) is ${code} ${enhanced} and names the host`, () => {
    const words = lossReply(new WireLost(kind, "reset"), remote, "while waiting");
    assert.deepEqual([words.code, words.enhanced], [code, enhanced]);
    assert.match(words.text, says);
    assert.match(words.text, /mx\.b\.example\[192\.0\.2\.1\]/);
  });
}

test("the server's own 421 is passed on", () => {
  const theirs = reply(421, "4.7.0", "too busy");
  assert.equal(lossReply(new WireLost("closing", "too busy", { reply: theirs }), remote, ""), theirs);
});

test("a host without an address has just its name", () =>
  assert.equal(nameOf({ name: "mx.example" }), "mx.example"));

test("long texts are cut, others untouched", () => {
  const short = reply(550, "5.1.1", "x".repeat(1_000));
  assert.equal(kept(short), short);
  assert.equal(kept(reply(550, "5.1.1", "x".repeat(1_001))).text.length, 1_001); // 1000 and an ellipsis
});
