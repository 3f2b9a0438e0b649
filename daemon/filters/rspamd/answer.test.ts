import assert from "node:assert/strict";
import { test } from "node:test";
import { aLetter } from "../../../test/harness/letter.ts";
import type { Address } from "../../mail/address.ts";
import type { Opinion } from "../filter.ts";
import { parseRspamd } from "./answer.ts";
import { requestHeaders } from "./request.ts";

const answer = (over: object) => JSON.stringify({ score: 1.5, required_score: 15, ...over });

const actions = [
  ["no action", "keep"],
  ["add header", "junk"],
  ["rewrite subject", "junk"],
  ["quarantine", "junk"],
  ["greylist", "defer"],
  ["soft reject", "defer"],
  ["reject", "refuse"],
  ["discard", "refuse"],
  ["an action of somebody's own", "keep"],
] as const satisfies readonly (readonly [string, Opinion["kind"]])[];
for (const [action, kind] of actions)
  test(`${action}: ${kind}`, () => assert.equal(parseRspamd(answer({ action })).kind, kind));

test("score and fields, in their order", () => {
  const add_headers = {
    "X-Last": { value: "z", order: 5 },
    "X-First": [{ value: "a", order: -1 }, "b"],
    "X-None": 7,
    Subject: "no",
  };
  assert.deepEqual(parseRspamd(answer({ action: "add header", milter: { add_headers } })), {
    kind: "junk",
    fields: [
      'X-Spam-Status: Yes, score=1.50 required=15.00\r\n action="add header"\r\n',
      "X-First: a\r\n",
      "X-First: b\r\n",
      "X-Last: z\r\n",
    ],
  });
});

test("its words to the client are spoken, on one line", () => {
  const messages = { smtp_message: "Come\r\n250 later" };
  assert.deepEqual(parseRspamd(answer({ action: "soft reject", messages })), {
    kind: "defer",
    reply: { code: 451, enhanced: "4.7.1", text: "Come 250 later" },
  });
});

test("a rejection that its own settings turn into a quarantine is junk", () => {
  assert.equal(parseRspamd(answer({ action: "reject", milter: { reject: "quarantine" } })).kind, "junk");
});

for (const text of ["", "pong", "[]", "null", '{"error":"secret"}', '{"action":5}'])
  test(`${text || "nothing"} is no answer, and is not repeated`, () =>
    assert.throws(() => parseRspamd(text), /^FilterFailed: it does not answer as rspamd does$/));

test("what strangers chose does not break the request", () => {
  const letter = aLetter({
    origin: { client: "192.0.2.1", helo: "x\r\nUser: root", protocol: "ESMTPSA", user: "alice@example.test" },
    sender: { path: "gr\u00fcn@far.test" as Address, body: "8BITMIME", smtputf8: true },
  });
  const headers = requestHeaders(letter);
  assert.equal(headers["Helo"], "xUser: root");
  assert.equal(Buffer.from(headers["From"] as string, "latin1").toString(), "gr\u00fcn@far.test");
  assert.deepEqual(headers["Rcpt"], ["alice@example.test"]);
  assert.equal(headers["User"], "alice@example.test");
});
