import assert from "node:assert/strict";
import { test } from "node:test";
import { reply } from "../../mail/reply.ts";
import { noExtensions } from "./extensions.ts";
import { outcomeOf, rcptReply } from "./verdict.ts";

const judge = { remote: { name: "mx.b.example" }, extensions: noExtensions, lmtp: false };

const kinds = [
  { code: 250, want: "delivered" },
  { code: 251, want: "delivered" },
  { code: 354, want: undefined },
  { code: 421, want: "deferred" },
  { code: 499, want: "deferred" },
  { code: 500, want: "failed" },
  { code: 599, want: "failed" },
] as const;

for (const { code, want } of kinds) {
  test(`${code} → ${want ?? "nothing settled"}`, () => {
    const outcome = outcomeOf(reply(code, "2.0.0", "x"), judge);
    assert.equal(outcome?.kind, want);
    if (outcome) assert.equal(outcome.remote, judge.remote);
  });
}

const hows = [
  { dsn: false, lmtp: false, want: "relayed" },
  { dsn: true, lmtp: false, want: "passedOn" },
  { dsn: false, lmtp: true, want: "final" },
  { dsn: true, lmtp: true, want: "passedOn" },
] as const;

for (const { dsn, lmtp, want } of hows) {
  test(`DSN ${dsn}, LMTP ${lmtp} → ${want}`, () => {
    const outcome = outcomeOf(reply(250, "2.0.0", ""), {
      ...judge,
      extensions: { ...noExtensions, dsn },
      lmtp,
    });
    assert.equal(outcome?.kind === "delivered" && outcome.how, want);
  });
}

const rcpts = [
  {
    name: "552 without a code, behind others",
    given: reply(552, "5.0.0", "x"),
    accepted: 1,
    want: "452 4.5.3",
  },
  { name: "552 5.5.3, behind others", given: reply(552, "5.5.3", "x"), accepted: 9, want: "452 4.5.3" },
  { name: "552 to the first", given: reply(552, "5.0.0", "x"), accepted: 0, want: "552 5.0.0" },
  { name: "552 for a full mailbox", given: reply(552, "5.2.2", "x"), accepted: 1, want: "552 5.2.2" },
  { name: "550", given: reply(550, "5.0.0", "x"), accepted: 1, want: "550 5.0.0" },
] as const;

for (const { name, given, accepted, want } of rcpts) {
  test(`${name} is ${want}`, () => {
    const { code, enhanced } = rcptReply(given, accepted);
    assert.equal(`${code} ${enhanced}`, want);
  });
}
