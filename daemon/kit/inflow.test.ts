import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Inflow, withoutLineEnd } from "./inflow.ts";

class Tap {
  paused = false;
  pause() {
    assert.equal(this.paused, false, "paused twice");
    this.paused = true;
  }
  resume() {
    assert.equal(this.paused, true, "resumed twice");
    this.paused = false;
  }
}

/** Shows what is for readers' own classes. */
class Open extends Inflow {
  next(most: number): Buffer {
    const piece = this.peek(most);
    this.take(piece.length);
    return piece;
  }
  nextLine() {
    const line = this.peekLine();
    this.take(line.octets.length);
    return line;
  }
}

test("octets come out as they went in, and the socket rests exactly while enough wait", () => {
  const step = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets)),
    fc.integer({ min: 1, max: 30 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const tap = new Tap();
      const inflow = new Open(tap, 64);
      const given: Buffer[] = [];
      const taken: Buffer[] = [];
      const waiting = () => Buffer.concat(given).length - Buffer.concat(taken).length;
      for (const one of steps) {
        if (typeof one === "number") taken.push(inflow.next(one));
        else {
          given.push(one);
          inflow.push(one);
        }
        if (waiting() >= 64) assert.equal(tap.paused, true);
        if (waiting() < 32) assert.equal(tap.paused, false);
        assert.equal(inflow.ready, waiting() > 0);
      }
      assert.deepEqual(Buffer.concat([...taken, inflow.takeAll()]), Buffer.concat(given));
      assert.equal(tap.paused, false);
    }),
  );
});

test("who waits is woken by octets, and by the end", async () => {
  const inflow = new Open(new Tap(), 64);
  const first = inflow.more();
  inflow.push(Buffer.from("a\nb"));
  await first;
  assert.deepEqual(inflow.nextLine(), { octets: Buffer.from("a\n"), ended: true });
  assert.deepEqual(inflow.nextLine(), { octets: Buffer.from("b"), ended: false });
  const second = inflow.more();
  inflow.end();
  await second;
  assert.equal(inflow.hasEnded, true);
  assert.equal(inflow.next(1).length, 0);
});

test("another socket is paused from now on, and the first goes on", () => {
  const [before, after] = [new Tap(), new Tap()];
  const inflow = new Open(before, 4);
  inflow.push(Buffer.from("12345"));
  inflow.moveTo(after);
  assert.equal(before.paused, false);
  inflow.push(Buffer.from("6"));
  assert.equal(after.paused, true);
  inflow.clear();
  assert.equal(after.paused, false);
});

test("line ends", () => {
  for (const [line, bare] of [
    ["a\r\n", "a"],
    ["a\n", "a"],
    ["\n", ""],
    ["\r\n", ""],
    ["a\r\r\n", "a\r"],
  ] as const)
    assert.equal(withoutLineEnd(line), bare);
});
