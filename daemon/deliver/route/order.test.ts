import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { connectOrder, maxAttempts, shuffle } from "./order.ts";
import type { Candidate } from "./types.ts";

const candidate = (preference: number, address: string): Candidate => ({
  host: `mx${preference}.test`,
  address,
  family: address.includes(":") ? 6 : 4,
  port: 25,
  preference,
});
const addresses = (order: readonly Candidate[]) => order.map(({ address }) => address);

test("the nearest come first, and both families take turns among equals", () => {
  const given = [
    candidate(20, "192.0.2.9"),
    candidate(10, "192.0.2.1"),
    candidate(10, "192.0.2.2"),
    candidate(10, "2001:db8::1"),
  ];
  assert.deepEqual(addresses(connectOrder(given, () => 0.999)), [
    "2001:db8::1",
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.9",
  ]);
  assert.deepEqual(addresses(connectOrder(given, () => 0)), [
    "2001:db8::1",
    "192.0.2.2",
    "192.0.2.1",
    "192.0.2.9",
  ]);
});

test("every equal host is first about as often as any other", () => {
  const given = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((address) => candidate(10, address));
  const firsts = new Map<string, number>();
  let state = 1;
  const chance = () => {
    state = (state * 48_271) % 0x7fffffff; // a fixed sequence, so that the test cannot be unlucky
    return state / 0x7fffffff;
  };
  for (let n = 0; n < 3_000; n++) {
    const first = connectOrder(given, chance)[0]?.address ?? "";
    firsts.set(first, (firsts.get(first) ?? 0) + 1);
  }
  for (const count of firsts.values()) assert.ok(count > 900 && count < 1_100, String(count));
  assert.equal(firsts.size, 3);
});

const anyCandidate = fc
  .record({ preference: fc.nat(3), four: fc.boolean(), n: fc.nat(500) })
  .map(({ preference, four, n }) =>
    candidate(preference, four ? `192.0.${n >> 8}.${n & 255}` : `2001:db8::${n.toString(16)}`),
  );
const chances = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));

test("property: an order holds given candidates only, none twice, by preference, no more than are tried", () => {
  fc.assert(
    fc.property(
      fc.array(anyCandidate, { minLength: 1, maxLength: 60, size: "max" }),
      chances,
      (given, stream) => {
        const order = connectOrder(given, () => stream.next().value ?? 0);
        assert.equal(order.length, Math.min(given.length, maxAttempts));
        assert.equal(new Set(order).size, order.length);
        assert.ok(order.every((one) => given.includes(one)));
        for (const [n, one] of order.entries())
          assert.ok(n === 0 || (order[n - 1]?.preference ?? 9) <= one.preference);
      },
    ),
  );
});

test("property: shuffling keeps every item", () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), chances, (items, stream) => {
      const shuffled = shuffle(items, () => stream.next().value ?? 0);
      assert.deepEqual(shuffled.toSorted(), items.toSorted());
    }),
  );
});
