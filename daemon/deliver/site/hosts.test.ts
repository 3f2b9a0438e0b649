import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Candidate } from "../route/types.ts";
import { Hosts } from "./hosts.ts";

const host = (n: number): Candidate => ({
  host: `mx${n}.test`,
  address: `192.0.2.${n}`,
  family: 4,
  port: 25,
  preference: n,
});
const three = [host(1), host(2), host(3)];
const numbers = (order: readonly Candidate[]) => order.map(({ preference }) => preference);
const minute = 60_000;

test("a host that failed goes last until its pause is over", () => {
  const hosts = new Hosts(() => 0.5);
  hosts.failed(host(1), 0);
  assert.deepEqual(numbers(hosts.inOrder(three, minute - 1)), [2, 3, 1]);
  assert.deepEqual(numbers(hosts.inOrder(three, minute)), [1, 2, 3]);
});

test("its next failure pauses it for longer, a success ends that", () => {
  const hosts = new Hosts(() => 0.5);
  hosts.failed(host(1), 0);
  hosts.failed(host(1), 10);
  assert.deepEqual(numbers(hosts.inOrder(three, minute)), [1, 2, 3], "side by side is not again");
  hosts.failed(host(1), minute);
  assert.deepEqual(numbers(hosts.inOrder(three, 3 * minute - 1)), [2, 3, 1]);
  hosts.worked(host(1));
  assert.deepEqual(numbers(hosts.inOrder(three, 3 * minute - 1)), [1, 2, 3]);
  hosts.failed(host(1), 3 * minute);
  assert.deepEqual(numbers(hosts.inOrder(three, 4 * minute)), [1, 2, 3]);
});

test("when every host is in a pause the order stays", () => {
  const hosts = new Hosts(() => 0.5);
  for (const one of three) hosts.failed(one, 0);
  assert.deepEqual(numbers(hosts.inOrder(three, 1)), [1, 2, 3]);
});

test("another port is another host", () => {
  const hosts = new Hosts(() => 0.5);
  hosts.failed({ ...host(1), port: 587 }, 0);
  assert.deepEqual(numbers(hosts.inOrder(three, 1)), [1, 2, 3]);
});

test("only so many are remembered, the newest", () => {
  const hosts = new Hosts(() => 0.5, 2);
  for (const one of three) hosts.failed(one, 0);
  assert.deepEqual(numbers(hosts.inOrder(three, 1)), [1, 2, 3]);
  assert.deepEqual(numbers(hosts.inOrder([host(2), host(1)], 1)), [1, 2], "host 1 was forgotten");
});

test("property: an order holds every host once, those that are not paused first", () => {
  const events = fc.array(
    fc.record({ n: fc.integer({ min: 1, max: 5 }), at: fc.nat(600_000), ok: fc.boolean() }),
    { maxLength: 60, size: "max" },
  );
  fc.assert(
    fc.property(events, (list) => {
      const hosts = new Hosts(() => 0.5);
      let now = 0;
      for (const { n, at, ok } of list.toSorted((a, b) => a.at - b.at)) {
        now = at;
        if (ok) hosts.worked(host(n));
        else hosts.failed(host(n), now);
        if (!ok) assert.notEqual(hosts.inOrder([host(n), host(9)], now)[0]?.preference, n);
      }
      const all = [1, 2, 3, 4, 5].map(host);
      assert.deepEqual(numbers(hosts.inOrder(all, now)).toSorted(), [1, 2, 3, 4, 5]);
    }),
  );
});
