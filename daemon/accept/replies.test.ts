import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "../mail/address.ts";
import type { Reply } from "../mail/reply.ts";
import { replies } from "./replies.ts";

const made: readonly (readonly [string, Reply])[] = [
  ...Object.entries(replies.heloFault),
  ...["1", "90", "600"].flatMap((seconds): [string, Reply][] =>
    (
      [
        "tooManyGuesses",
        "tooManyAddressed",
        "tooManyMistakes",
        "tooManyConnections",
        "greylisted",
        "tooFast",
      ] as const
    ).map((name) => [`${name} ${seconds} s`, replies[name](Number(seconds) * 1_000)]),
  ),
  ["tooManyRecipients", replies.tooManyRecipients(3)],
  ["tooLarge", replies.tooLarge(3)],
  ["notYourAddress", replies.notYourAddress("a@b.test" as Address)],
  ["noReverseDns", replies.noReverseDns("192.0.2.1")],
  ["wrongReverseDns", replies.wrongReverseDns("192.0.2.1")],
  ["listed", replies.listed("192.0.2.1", ["list.test"])],
  ...Object.entries(replies).filter((entry): entry is [string, Reply] => "code" in entry[1]),
];

/** What is wrong, and behind a colon or a comma what to do; or when to come again. */
const tells = /[:,] (?:\S+ ){0,14}\S+$/;

test("every refusal says what is wrong and what the sender can do about it, in one line of ASCII", () => {
  const named = new Set(made.map(([name]) => name.split(" ")[0]));
  for (const [name, entry] of Object.entries(replies))
    if (name !== "queued" && name !== "heloFault") assert.ok(named.has(name), `${name}: ${entry}`);
  for (const [name, { code, enhanced, text }] of made) {
    assert.ok(code >= 400 && enhanced.startsWith(`${Math.trunc(code / 100)}.`), name);
    assert.match(text, /^[ -~]+$/, name);
    assert.match(text, tells, name);
  }
});
