import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Gone } from "../../kit/output.ts";
import { Input } from "./input.ts";

class Below {
  paused = false;
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
}

const socket = () => new Below();

test("lines come out whole, however they were split", async () => {
  const text = "a NOOP\r\nb LOGIN x y\r\n\r\nbare\n";
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 8 }), async (cuts) => {
      const input = new Input(socket());
      let at = 0;
      for (const cut of [...cuts.sort((a, b) => a - b), text.length]) {
        input.push(Buffer.from(text.slice(at, cut)));
        at = cut;
      }
      input.end();
      for (const want of ["a NOOP", "b LOGIN x y", "", "bare"])
        assert.deepEqual(await input.line(100), { kind: "line", text: want });
      assert.deepEqual(await input.line(100), { kind: "ended" });
    }),
  );
});

test("a line that came in pieces before and after it was asked for", async () => {
  const input = new Input(socket());
  input.push(Buffer.from("a NO"));
  const line = input.line(100);
  input.push(Buffer.from("OP\r"));
  input.push(Buffer.from("\nrest"));
  assert.deepEqual(await line, { kind: "line", text: "a NOOP" });
});

test("a line beyond its limit is swallowed; its head and tail are told", async () => {
  const input = new Input(socket());
  for (let i = 0; i < 100; i++) input.push(Buffer.from(i === 0 ? `a1 ${"x".repeat(100)}` : "y".repeat(100)));
  input.push(Buffer.from("{10+}\r\nnext\r\n"));
  const line = await input.line(500);
  assert.ok(line.kind === "tooLong");
  assert.ok(line.head.startsWith("a1 xxx") && line.head.length <= 128);
  assert.ok(line.tail.endsWith("yy{10+}") && line.tail.length <= 128);
  assert.deepEqual(await input.line(500), { kind: "line", text: "next" });
});

test("a line of just the limit is no fault, one octet more is", async () => {
  const input = new Input(socket());
  input.push(Buffer.from("12345\r\n123456\r\n"));
  assert.equal((await input.line(5)).kind, "line");
  assert.equal((await input.line(5)).kind, "tooLong");
});

test("literals: exactly so many octets, in pieces that are not copied", async () => {
  const input = new Input(socket());
  const chunk = Buffer.from("12345678");
  input.push(chunk);
  assert.equal((await input.octets(3)).toString(), "123");
  const rest = input.octets(7);
  input.push(Buffer.from("9AB\r\n"));
  assert.equal((await rest).toString(), "456789A");
  assert.deepEqual(await input.line(10), { kind: "line", text: "B" });
});

test("a client that leaves within a literal is gone", async () => {
  const input = new Input(socket());
  input.push(Buffer.from("123"));
  input.end();
  await assert.rejects(input.octets(4), Gone);
});

test("the socket is paused while 64 KiB wait, and goes on when they are taken", async () => {
  const below = socket();
  const input = new Input(below);
  input.push(Buffer.alloc(65_535, 97));
  assert.equal(below.paused, false);
  input.push(Buffer.from("b"));
  assert.equal(below.paused, true);
  await input.skip(20_000);
  assert.equal(below.paused, true);
  await input.skip(20_000);
  assert.equal(below.paused, false);
});

test("what came before TLS is forgotten", async () => {
  const input = new Input(socket());
  input.push(Buffer.from("half a line"));
  void (await Promise.race([input.line(100), Promise.resolve()]));
  input.clear();
  assert.equal(input.ready, false);
  input.push(Buffer.from("a LOGOUT\r\n"));
  assert.deepEqual(input.takeAll().toString(), "a LOGOUT\r\n");
});
