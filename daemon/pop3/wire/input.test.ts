import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Input, type Line } from "./input.ts";

function open() {
  const socket = {
    pauses: 0,
    resumes: 0,
    pause: () => void socket.pauses++,
    resume: () => void socket.resumes++,
  };
  return { socket, input: new Input(socket) };
}

function read(chunks: readonly Buffer[], limit = 20): Line[] {
  const { input } = open();
  const lines: Line[] = [];
  for (const chunk of chunks) {
    input.push(chunk);
    for (let line = input.line(limit); line !== undefined; line = input.line(limit)) lines.push(line);
  }
  return lines;
}

const latin1 = (text: string) => Buffer.from(text, "latin1");
const line = (text: string): Line => ({ kind: "line", text });
const tooLong: Line = { kind: "fault", why: "tooLong" };
const notText: Line = { kind: "fault", why: "notText" };

const cases: readonly (readonly [what: string, octets: string, want: readonly Line[]])[] = [
  ["CRLF", "STAT\r\n", [line("STAT")]],
  ["LF alone", "STAT\nLIST\n", [line("STAT"), line("LIST")]],
  ["a CR within", "a\rb\r\n", [line("a\rb")]],
  ["an empty line", "\r\n", [line("")]],
  ["what has not ended yet", "STAT", []],
  ["UTF-8", "USER \xc3\xbc\r\n", [line("USER ü")]],
  ["no UTF-8", "USER \xfc\r\nSTAT\r\n", [notText, line("STAT")]],
  ["NUL", "ST\0AT\r\nSTAT\r\n", [notText, line("STAT")]],
  ["as long as may be", `${"x".repeat(18)}\r\n`, [line("x".repeat(18))]],
  ["too long", `${"x".repeat(19)}\r\nSTAT\r\n`, [tooLong, line("STAT")]],
  ["far too long", `${"x".repeat(5_000)}\r\nSTAT\r\n`, [tooLong, line("STAT")]],
];

for (const [what, octets, want] of cases) test(what, () => assert.deepEqual(read([latin1(octets)]), want));

test("splitting changes nothing", () => {
  const parts = fc.array(
    fc.constantFrom("STAT\r\n", "x".repeat(15), "\r", "\n", "\xc3", "\xbc", "\0", "\r\n"),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(parts, (chunks) => {
      assert.deepEqual(read(chunks.map(latin1)), read([latin1(chunks.join(""))]));
    }),
  );
});

test("an octet at a time, a line that never ends takes no memory", () => {
  const { input } = open();
  for (let i = 0; i < 100_000; i++) {
    input.push(latin1("x"));
    assert.equal(input.line(20), undefined);
  }
  input.push(latin1("\r\n"));
  assert.deepEqual(input.line(20), tooLong);
});

test("the socket is paused while much waits, and resumed when it was taken", () => {
  const { input, socket } = open();
  for (let i = 0; i < 3_000; i++) input.push(latin1("STAT\r\n"));
  assert.deepEqual([socket.pauses, socket.resumes], [1, 0]);
  let lines = 0;
  while (input.line(20)) lines++;
  assert.equal(lines, 3_000);
  assert.deepEqual([socket.pauses, socket.resumes], [1, 1]);
});

test("what was cleared is gone, half a line too", () => {
  const { input } = open();
  input.push(latin1("STAT\r\nLI"));
  assert.deepEqual(input.line(20), line("STAT"));
  assert.equal(input.line(20), undefined);
  input.push(latin1("ST\r\nDELE 1\r\n"));
  input.clear();
  assert.equal(input.line(20), undefined);
  input.push(latin1("NOOP\r\n"));
  assert.deepEqual(input.line(20), line("NOOP"));
});

test("`more` wakes for octets and for the end; what came before the end can be taken", async () => {
  const { input } = open();
  let woken = 0;
  const waiting = input.more().then(() => void woken++);
  assert.equal(woken, 0);
  input.push(latin1("STAT\r\n"));
  await waiting;
  input.end();
  await input.more();
  assert.deepEqual([input.line(20), input.line(20)], [line("STAT"), { kind: "ended" }]);
});
