/** Signatures, by the vector of the Standard Webhooks libraries; and which secrets may sign. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hookKeys, hookSecretFault } from "../../crds/hook-secret.ts";
import { signed } from "./signature.ts";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const at = 1_614_265_330_000;
const body = '{"test": 2432232314}';
const expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

test("the reference's vector", () => {
  assert.deepEqual(signed(hookKeys(secret), id, at + 999, body), {
    "webhook-id": id,
    "webhook-timestamp": "1614265330",
    "webhook-signature": expected,
  });
});

test("two secrets sign both, the first one first", () => {
  const both = signed(hookKeys(`${secret}\n an-older-secret-of-24-chars`), id, at, body)["webhook-signature"];
  const [first, second, ...rest] = both.split(" ");
  assert.equal(first, expected);
  assert.match(second ?? "", /^v1,[A-Za-z0-9+/]{43}=$/);
  assert.deepEqual(rest, []);
});

const good = {
  "whsec_ and base64": secret,
  "whsec_ and 64 octets": `whsec_${Buffer.alloc(64, 1).toString("base64")}`,
  "plain text": "x".repeat(24),
  "two of them, on lines": `${secret}\n${"x".repeat(200)}\n`,
};
for (const [name, value] of Object.entries(good))
  test(`a secret: ${name}`, () => assert.equal(hookSecretFault(value), undefined));

const bad: readonly (readonly [string, string, RegExp])[] = [
  ["nothing", " \n", /holds 0 secrets/],
  ["three", "a b c", /holds 3 secrets/],
  ["too short a text", "password", /too short or too long/],
  ["too long a text", "x".repeat(201), /too short or too long/],
  ["whsec_ with too few octets", `whsec_${Buffer.alloc(23).toString("base64")}`, /24 to 64 octets/],
  ["whsec_ with too many", `whsec_${Buffer.alloc(65).toString("base64")}`, /24 to 64 octets/],
  ["whsec_ with what is no base64", `whsec_${"*".repeat(40)}`, /not base64/],
  ["a bad one beside a good one", `${secret} short`, /too short/],
];
for (const [name, value, fault] of bad)
  test(`no secret: ${name}`, () => {
    assert.match(hookSecretFault(value) ?? "", fault);
    assert.ok(!hookSecretFault(value)?.includes("password"), "a fault tells nothing of the secret");
  });
