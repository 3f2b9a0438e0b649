/**
 * Whatever a client sends, in whatever pieces, before and after its login: the session answers or ends, never fails, and is
 * over once the client is gone.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzz } from "../harness/fuzz.ts";
import { converse, open } from "../harness/managesieve-session.ts";

const login = 'AUTHENTICATE "PLAIN" "AGJvYgBzZWNyZXQ="';
const lines = [
  ...["CAPABILITY", "NOOP", "LISTSCRIPTS", "LOGOUT", "STARTTLS", 'SETACTIVE ""', 'SETACTIVE "a"', login],
  ...[
    'PUTSCRIPT "a" {5+}\r\nkeep;',
    'PUTSCRIPT "a" {3}\r\n\u00fc;',
    "GETSCRIPT {1+}\r\na",
    'HAVESPACE "a" 7',
  ],
  ...['"', "{", "{5+}", "{99999999999+}", "(", ")", '"\\', "\0", "\r", "\n", '"*"', '""', "AUTHENTICATE"],
];
const part = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...lines) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
);

for (const opening of [[], [`C: ${login}`, "S: OK"]])
  test(`random commands ${opening.length > 0 ? "of a user" : "of a stranger"}`, () =>
    fuzz(
      `managesieve-session: random commands ${opening.length > 0 ? "of a user" : "of a stranger"}`,
      fc.asyncProperty(
        fc.array(part, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
        async (parts, sizes) => {
          const talk = open();
          await converse(talk, ["S: *OK", ...opening]);
          const octets = Buffer.from(parts.map((text) => `${text}\r\n`).join(""));
          for (let at = 0, i = 0; at < octets.length && !talk.ended; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            talk.send(octets.subarray(at, at + size));
            at += size;
            if (at % 7 === 0) await new Promise(setImmediate);
          }
          await new Promise(setImmediate);
          talk.hangUp();
          await talk.over;
          assert.equal(talk.failed, undefined);
        },
      ),
      { numRuns: 300 },
    ));
