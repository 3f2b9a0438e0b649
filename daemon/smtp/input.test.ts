import assert from "node:assert/strict";
import { test } from "node:test";
import { MemorySocket } from "../../test/harness/memory-socket.ts";
import { Input } from "./input.ts";

const chunk = (text: string) => Buffer.from(text);

/** Reads all that there is, octet by octet. */
function read(input: Input): string {
  let text = "";
  while (input.chunk !== undefined) {
    text += input.chunk.toString("latin1", input.at, input.at + 1);
    input.advance(input.at + 1);
  }
  return text;
}

test("chunks come in order, each until it is spent", () => {
  const input = new Input(new MemorySocket());
  for (const text of ["ab", "c", "d"]) input.push(chunk(text));
  assert.equal(read(input), "abcd");
});

test("an empty chunk is none", () => {
  const input = new Input(new MemorySocket());
  input.push(chunk(""));
  assert.equal(input.chunk, undefined);
});

test("the socket is paused once when much waits, and resumed when all is taken", () => {
  const socket = new MemorySocket();
  const input = new Input(socket);
  const large = Buffer.alloc(40_000);
  input.push(large);
  input.push(large);
  assert.equal(socket.paused, false, "one is being read, one waits");
  input.push(large);
  assert.equal(socket.paused, true);
  input.advance(large.length);
  assert.equal(socket.paused, true, "one still waits");
  input.advance(large.length);
  assert.equal(socket.paused, false);
});

test("the socket is paused when many small chunks wait", () => {
  const socket = new MemorySocket();
  const input = new Input(socket);
  for (let i = 0; i < 256; i++) input.push(chunk("x"));
  assert.equal(socket.paused, false, "one is being read, 255 wait");
  input.push(chunk("x"));
  assert.equal(socket.paused, true);
  assert.equal(read(input), "x".repeat(257));
  assert.equal(socket.paused, false);
});

test("what is cleared is gone, and the socket goes on", () => {
  const socket = new MemorySocket();
  const input = new Input(socket);
  for (let i = 0; i < 4; i++) input.push(Buffer.alloc(40_000));
  input.clear();
  assert.equal(input.chunk, undefined);
  assert.equal(socket.paused, false);
  input.push(chunk("new"));
  assert.equal(read(input), "new");
});
