import assert from "node:assert/strict";
import { test } from "node:test";
import { liveOf } from "../../../test/harness/directory.ts";
import { channelAt, loginsOf } from "../../../test/harness/logins.ts";
import { fitsVerifier } from "../../../test/harness/scram-client.ts";
import type { SaslStep } from "../../kit/sasl.ts";
import { formatScramVerifier } from "../../kit/scram-verifier.ts";
import { saslprep } from "./saslprep.ts";
import { deriveVerifier } from "./scram-keys.ts";

const calm = new AbortController().signal;
const scram = formatScramVerifier(await deriveVerifier("secret", 4_096));
const domains = { "example.test": {} };
const everybody = {
  "alice@example.test": { passwordHash: "hash of secret", scram },
  "nologin@example.test": {},
};

function open(mailboxes: Parameters<typeof liveOf>[0]["mailboxes"] = everybody) {
  const live = liveOf({ domains, mailboxes: mailboxes ?? {} });
  return { ...loginsOf(live), live };
}
const channel = channelAt;
const bound = channelAt(Buffer.alloc(32));

test("the strongest mechanism is offered first; PLUS where the channel has a binding", () => {
  const { sasl } = open();
  assert.deepEqual(sasl.mechanisms(channel()), ["SCRAM-SHA-256", "PLAIN", "LOGIN"]);
  assert.deepEqual(sasl.mechanisms(bound), ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]);
});

test("SCRAM is offered while anybody can use it; a hash in one Secret takes it from nobody else", () => {
  const hashOnly = { "hash@example.test": { passwordHash: "hash of other" } };
  const { sasl, live } = open({ ...everybody, ...hashOnly });
  assert.equal(sasl.mechanisms(bound).length, 4);
  assert.notEqual(sasl.exchange("SCRAM-SHA-256", bound), undefined);
  live.set({ domains, mailboxes: hashOnly });
  assert.deepEqual(sasl.mechanisms(bound), ["PLAIN", "LOGIN"]);
  assert.equal(sasl.exchange("SCRAM-SHA-256", bound), undefined);
  const app = { name: "phone", hash: "hash of app", scram };
  live.set({ domains, mailboxes: { "hash@example.test": { passwordHash: "hash of other", apps: [app] } } });
  assert.equal(sasl.mechanisms(bound).length, 4);
});

test("tokens are offered while a domain has an issuer", () => {
  const { sasl, live } = open();
  const oidc = { issuer: "https://login.example", audience: "mail", claim: "email", scopes: [] };
  live.set({ domains: { "example.test": { oidc } }, mailboxes: everybody });
  assert.deepEqual(sasl.mechanisms(channel()).slice(-2), ["OAUTHBEARER", "XOAUTH2"]);
});

test("what is not offered cannot be begun", () => {
  const { sasl } = open();
  for (const name of ["CRAM-MD5", "", "plain", "EXTERNAL"])
    assert.equal(sasl.exchange(name, bound), undefined);
  assert.equal(sasl.exchange("SCRAM-SHA-256-PLUS", channel()), undefined);
});

/** What a row of responses comes to; `undefined` first: none came with the command. */
async function ending(mechanism: string, ...responses: readonly (string | undefined)[]): Promise<string> {
  const exchange = open().sasl.exchange(mechanism, channel());
  let step: SaslStep<{ mailbox: string }> | undefined;
  for (const text of responses)
    step = await exchange?.respond(text === undefined ? undefined : Buffer.from(text, "latin1"), calm);
  if (step?.kind === "challenge") return `asks ${step.octets.toString()}`;
  return step?.kind === "welcome" ? step.who.mailbox : (step?.why ?? "nothing");
}

const alice = "alice@example.test";
const cases: readonly (readonly [
  mechanism: string,
  responses: readonly (string | undefined)[],
  want: string,
])[] = [
  ["PLAIN", [undefined], "asks "],
  ["PLAIN", [undefined, `\0${alice}\0secret`], alice],
  ["PLAIN", [`${alice}\0${alice}\0secret`], alice],
  ["PLAIN", [`bob@example.test\0${alice}\0secret`], "wrong"],
  ["PLAIN", [`\0${alice}\0wrong`], "wrong"],
  ["PLAIN", ["\0nologin@example.test\0secret"], "wrong"],
  ["PLAIN", [`\0${alice}\0`], "malformed"],
  ["PLAIN", [`\0${alice}`], "malformed"],
  ["PLAIN", [`\0${alice}\0secret\0`], "malformed"],
  ["PLAIN", ["\0\xff\0secret"], "malformed"],
  ["PLAIN", [""], "malformed"],
  ["LOGIN", [undefined], "asks Username:"],
  ["LOGIN", [undefined, alice], "asks Password:"],
  ["LOGIN", [undefined, alice, "secret"], alice],
  ["LOGIN", [alice, "secret"], alice],
  ["LOGIN", [alice, "wrong"], "wrong"],
  ["LOGIN", [""], "malformed"],
  ["LOGIN", [alice, ""], "malformed"],
  ["LOGIN", ["a\0b"], "malformed"],
];
for (const [mechanism, responses, want] of cases)
  test(`${mechanism} ${JSON.stringify(responses)}: ${want}`, async () =>
    assert.equal(await ending(mechanism, ...responses), want));

/** RFC 4013 §3, and spaces. */
for (const [given, want] of [
  ["I\u00adX", "IX"],
  ["user", "user"],
  ["USER", "USER"],
  ["\u00aa", "a"],
  ["\u2168", "IX"],
  ["a\u00a0b", "a b"],
  ["e\u0301", "\u00e9"],
] as const)
  test(`SASLprep of ${JSON.stringify(given)}`, () => assert.equal(saslprep(given), want));

test("a verifier fits its password, however it was typed, and no other", async () => {
  const verifier = await deriveVerifier("caf\u00e9", 4_096);
  assert.equal(await fitsVerifier("cafe\u0301", verifier), true);
  assert.equal(await fitsVerifier("cafe", verifier), false);
});
