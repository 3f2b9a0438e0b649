import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Command, parseCommand } from "./command.ts";

const cases: readonly (readonly [line: string, want: Command | "bad"])[] = [
  ["STAT", { verb: "STAT" }],
  ["stat ", { verb: "STAT" }],
  ["STAT 1", "bad"],
  ["NOOP", { verb: "NOOP" }],
  ["quit", { verb: "QUIT" }],
  ["CAPA", { verb: "CAPA" }],
  ["STLS", { verb: "STLS" }],
  ["STLS now", "bad"],
  ["UTF8", { verb: "UTF8" }],
  ["USER bob", { verb: "USER", text: "bob" }],
  ["USER", "bad"],
  ["USER ", "bad"],
  ["PASS  two  spaces ", { verb: "PASS", text: " two  spaces " }],
  ["pass ünï", { verb: "PASS", text: "ünï" }],
  ["LIST", { verb: "LIST", number: undefined }],
  ["LIST 3", { verb: "LIST", number: 3 }],
  ["LIST -1", "bad"],
  ["LIST 1 2", "bad"],
  ["LIST 0x1", "bad"],
  ["UIDL 12", { verb: "UIDL", number: 12 }],
  ["UIDL", { verb: "UIDL", number: undefined }],
  ["RETR 1", { verb: "RETR", number: 1 }],
  ["RETR", "bad"],
  ["RETR 1.5", "bad"],
  ["RETR 99999999999999999999", "bad"],
  ["DELE 007", { verb: "DELE", number: 7 }],
  ["DELE all", "bad"],
  ["TOP 1 0", { verb: "TOP", number: 1, lines: 0 }],
  ["TOP  1   10 ", { verb: "TOP", number: 1, lines: 10 }],
  ["TOP 1", "bad"],
  ["TOP 1 2 3", "bad"],
  ["TOP 1 -1", "bad"],
  ["AUTH plain", { verb: "AUTH", mechanism: "PLAIN", initial: undefined }],
  ["AUTH PLAIN AGJvYgB4", { verb: "AUTH", mechanism: "PLAIN", initial: "AGJvYgB4" }],
  ["AUTH", "bad"],
  ["AUTH PLAIN a b", "bad"],
  ["APOP bob c4c9334bac560ecc979e58001b3e22fb", "bad"],
  ["", "bad"],
  [" STAT", "bad"],
  ["GET / HTTP/1.1", "bad"],
];

for (const [line, want] of cases) {
  test(`${JSON.stringify(line)}: ${want === "bad" ? "bad" : want.verb}`, () => {
    const command = parseCommand(line);
    if (want === "bad") assert.equal(command.verb, "bad");
    else assert.deepEqual(command, want);
  });
}

test("every line is a command or bad, and numbers are whole", () => {
  const verbs = fc.constantFrom("RETR", "TOP", "LIST", "DELE", "UIDL", "PASS", "AUTH", "STAT", "");
  fc.assert(
    fc.property(verbs, fc.string(), (verb, rest) => {
      const command = parseCommand(`${verb} ${rest}`);
      if ("number" in command && command.number !== undefined)
        assert.ok(Number.isSafeInteger(command.number));
      if (command.verb === "PASS") assert.equal(command.text, rest);
      if (command.verb === "bad") assert.match(command.why, /^[A-Za-z ,]+$/);
    }),
  );
});
