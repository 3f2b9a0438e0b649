import assert from "node:assert/strict";
import { test } from "node:test";
import { Gone, Output } from "./output.ts";

function sink() {
  const writes: Buffer[] = [];
  const state = {
    accepts: true,
    writes,
    write(data: string | Uint8Array) {
      writes.push(typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.from(data));
      return state.accepts;
    },
  };
  return state;
}

test("what is said gathers into one write, text and octets in order", () => {
  const below = sink();
  const out = new Output(below);
  out.line("* OK");
  out.text("* 1 FETCH (BODY[] {3}\r\n");
  out.octets(Buffer.from([0, 255, 10]));
  out.text(" grün)\r\n");
  assert.equal(below.writes.length, 0);
  out.flush();
  const want = Buffer.concat([
    Buffer.from("* OK\r\n* 1 FETCH (BODY[] {3}\r\n"),
    Buffer.from([0, 255, 10]),
    Buffer.from(" grün)\r\n"),
  ]);
  assert.deepEqual(below.writes, [want]);
});

test("64 KiB leave by themselves", () => {
  const below = sink();
  const out = new Output(below);
  for (let i = 0; i < 1_000; i++) out.line("x".repeat(98));
  assert.equal(below.writes.length, 1);
  out.octets(Buffer.alloc(65_536));
  assert.equal(below.writes.length, 2);
  assert.equal(Buffer.concat(below.writes).length, 100_000 + 65_536);
});

test("text beyond ASCII leaves as UTF-8", () => {
  const below = sink();
  const out = new Output(below);
  out.text("grün");
  out.flush();
  assert.equal(below.writes[0]?.toString(), "grün");
});

test("a slow client is waited for", async () => {
  const below = sink();
  below.accepts = false;
  const out = new Output(below);
  out.text("a");
  out.flush();
  assert.equal(out.full, true);
  let went = false;
  const room = out.room().then(() => {
    went = true;
  });
  await Promise.resolve();
  assert.equal(went, false);
  out.drained();
  await room;
  assert.equal(out.full, false);
});

test("a closed connection ends the wait, and what is said to it is dropped", async () => {
  const below = sink();
  below.accepts = false;
  const out = new Output(below);
  out.text("a");
  out.flush();
  const room = out.room();
  out.close();
  await assert.rejects(room, Gone);
  out.text("b");
  out.flush();
  assert.equal(below.writes.length, 1);
});
