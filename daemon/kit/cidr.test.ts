import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  cidrTable,
  clientNetwork,
  ipv4Number,
  isLoopback,
  networkAround,
  reversed,
  sameAddress,
} from "./cidr.ts";

const table = cidrTable([
  ["10.1.2.0/24", "narrow"],
  ["10.0.0.0/8", "wide"],
  ["10.1.2.3/32", "hidden behind narrow"],
  ["192.0.2.128/25", "half"],
  ["2001:db8::/32", "six"],
  ["::ffff:198.51.100.0/120", "mapped"],
  ["not a cidr", "never"],
]);

const cases = [
  ["10.1.2.3", "narrow"],
  ["10.1.3.3", "wide"],
  ["11.1.2.3", undefined],
  ["192.0.2.127", undefined],
  ["192.0.2.128", "half"],
  ["::ffff:10.1.2.9", "narrow"],
  ["2001:db8:ffff::1", "six"],
  ["2001:db9::1", undefined],
  ["198.51.100.7", "mapped"],
  ["not an address", undefined],
  ["", undefined],
] as const;

for (const [address, want] of cases)
  test(`${address || "nothing"} is in ${want ?? "none"}`, () => assert.equal(table.find(address), want));

test("0.0.0.0/0 holds all of IPv4 and none of IPv6", () => {
  const all = cidrTable([["0.0.0.0/0", 1]]);
  assert.equal(all.find("203.0.113.9"), 1);
  assert.equal(all.find("2001:db8::1"), undefined);
});

test("an empty table holds nothing", () => assert.equal(cidrTable([]).find("127.0.0.1"), undefined));

test("property: agrees with plain arithmetic on IPv4", () => {
  const ip = fc.integer({ min: 0, max: 0xffffffff });
  const dotted = (n: number) => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join(".");
  const cidr = fc.tuple(ip, fc.integer({ min: 0, max: 32 }));
  fc.assert(
    fc.property(fc.array(cidr, { maxLength: 20 }), ip, (cidrs, address) => {
      const inside = (base: number, bits: number) =>
        bits === 0 || base >>> (32 - bits) === address >>> (32 - bits);
      const want = cidrs.findIndex(([base, bits]) => inside(base, bits));
      const found = cidrTable(cidrs.map(([base, bits], i) => [`${dotted(base)}/${bits}`, i] as const));
      assert.equal(found.find(dotted(address)) ?? -1, want);
    }),
  );
});

test("clients are counted by IPv4 address or IPv6 /64", () => {
  assert.equal(clientNetwork("192.0.2.1"), "192.0.2.1");
  assert.equal(clientNetwork("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(clientNetwork("2001:db8:1:2::1"), clientNetwork("2001:db8:1:2:ffff::9"));
  assert.notEqual(clientNetwork("2001:db8:1:2::1"), clientNetwork("2001:db8:1:3::1"));
  assert.equal(clientNetwork("nonsense:"), "nonsense:");
});

test("loopback", () => {
  for (const address of ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"])
    assert.equal(isLoopback(address), true, address);
  for (const address of ["128.0.0.1", "::2", "10.0.0.1", ""])
    assert.equal(isLoopback(address), false, address);
});

test("the network around a client", () => {
  assert.equal(networkAround("192.0.2.77"), "192.0.2.0/24");
  assert.equal(networkAround("::ffff:192.0.2.77"), "192.0.2.0/24");
  assert.equal(networkAround("2001:db8::1"), undefined);
  assert.equal(networkAround("nonsense"), undefined);
});

test("names in the DNS are made of reversed addresses", () => {
  assert.deepEqual(reversed("192.0.2.77"), { family: 4, labels: "77.2.0.192" });
  assert.equal(reversed("2001:db8::1")?.labels, `1.${"0.".repeat(23)}8.b.d.0.1.0.0.2`);
  assert.equal(reversed("nonsense"), undefined);
});

test("one address in two forms; numbers of IPv4 addresses", () => {
  assert.ok(sameAddress("2001:DB8:0::1", "2001:db8::1") && sameAddress("::ffff:192.0.2.1", "192.0.2.1"));
  assert.ok(!sameAddress("192.0.2.1", "192.0.2.2") && !sameAddress("x", "x"));
  assert.equal(ipv4Number("127.0.0.2"), 0x7f000002);
  for (const text of ["127.1", "127.0.0.02", "127.0.0.256", "127.0.0.2.", "::1", ""])
    assert.equal(ipv4Number(text), undefined, text);
});
