import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Gathering } from "./gathering.ts";

test("all pieces come out in order, and are nobody's but ours", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 20 }), (pieces) => {
      const gathering = new Gathering();
      for (const piece of pieces) {
        const lent = Buffer.from(piece);
        gathering.add(lent);
        lent.fill(0);
      }
      assert.deepEqual(gathering.takeAll(), Buffer.concat(pieces));
      assert.equal(gathering.takeAll().length, 0);
    }),
  );
});

test("64 KiB in single octets take no more than a few times that", () => {
  const many = Array.from({ length: 100 }, () => new Gathering());
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const octet = Buffer.from("x");
  for (const gathering of many) for (let i = 0; i < 64 << 10; i++) gathering.add(octet);
  const now = process.memoryUsage();
  // 6.4 MB of octets. A list of them would be some 600 MB.
  assert.ok(now.arrayBuffers - arrayBuffers < 100 << 20);
  assert.ok(now.heapUsed - heapUsed < 100 << 20);
  assert.equal(
    many.reduce((sum, gathering) => sum + gathering.takeAll().length, 0),
    6_553_600,
  );
});
