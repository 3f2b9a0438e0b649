import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatScramVerifier, parseScramVerifier } from "./scram-verifier.ts";

const octets = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes));

test("what is written is read", () => {
  const verifiers = fc.record(
    {
      iterations: fc.integer({ min: 4_096, max: 9_999_999 }),
      salt: octets(16),
      storedKey: octets(32),
      serverKey: octets(32),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(verifiers, (verifier) =>
      assert.deepEqual(parseScramVerifier(formatScramVerifier(verifier)), verifier),
    ),
  );
});

const key = Buffer.alloc(32).toString("base64");
for (const text of [
  "",
  "secret",
  `SCRAM-SHA-256$4095:c2FsdA==$${key}:${key}`,
  `SCRAM-SHA-256$99999999:c2FsdA==$${key}:${key}`,
  `SCRAM-SHA-1$4096:c2FsdA==$${key}:${key}`,
  `SCRAM-SHA-256$4096:c2FsdA$${key}:${key}`,
  `SCRAM-SHA-256$4096:c2FsdA==$${key.slice(4)}:${key}`,
  `SCRAM-SHA-256$4096:c2FsdA==$${key}`,
])
  test(`${JSON.stringify(text)} is none`, () => assert.equal(parseScramVerifier(text), undefined));
