import assert from "node:assert/strict";
import { test } from "node:test";
import { reply } from "../../mail/reply.ts";
import { distrustChunking, mayChunk, unknownCommand } from "./chunking.ts";

test("a server is trusted until it belies its offer", () => {
  assert.equal(mayChunk("mx.one.example"), true);
  distrustChunking("mx.one.example");
  assert.equal(mayChunk("mx.one.example"), false);
  assert.equal(mayChunk("mx.two.example"), true);
});

test("what is remembered has a limit", () => {
  for (let count = 0; count <= 1_000; count++) distrustChunking(`mx${count}.many.example`);
  assert.equal(mayChunk("mx0.many.example"), true, "forgotten");
  assert.equal(mayChunk("mx1000.many.example"), false, "the newest is known");
});

const codes = [
  { code: 500, want: true },
  { code: 502, want: true },
  { code: 504, want: true },
  { code: 503, want: false },
  { code: 550, want: false },
  { code: 554, want: false },
  { code: 421, want: false },
  { code: 250, want: false },
] as const;

for (const { code, want } of codes) {
  test(`${code} ${want ? "means that the command is unknown" : "is about the message"}`, () => {
    assert.equal(unknownCommand(reply(code, "5.0.0", "")), want);
  });
}
