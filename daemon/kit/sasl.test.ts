import assert from "node:assert/strict";
import { test } from "node:test";
import { mapped, type SaslExchange, type SaslStep } from "./sasl.ts";

const calm = new AbortController().signal;
const steps: readonly (readonly [given: SaslStep<number>, want: SaslStep<string>])[] = [
  [
    { kind: "welcome", who: 7 },
    { kind: "welcome", who: "7" },
  ],
  [
    { kind: "refused", why: "wrong" },
    { kind: "refused", why: "wrong" },
  ],
  [
    { kind: "challenge", octets: Buffer.from("x") },
    { kind: "challenge", octets: Buffer.from("x") },
  ],
];

for (const [given, want] of steps) {
  test(`${given.kind}, at once and later`, async () => {
    const heard: unknown[] = [];
    const now: SaslExchange<number> = {
      respond(response) {
        heard.push(response);
        return given;
      },
    };
    const later: SaslExchange<number> = { respond: async () => given };
    assert.deepEqual(mapped(now, String).respond(Buffer.from("r"), calm), want);
    assert.deepEqual(heard, [Buffer.from("r")]);
    assert.deepEqual(await mapped(later, String).respond(undefined, calm), want);
  });
}
