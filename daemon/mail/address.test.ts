import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isAscii } from "../kit/ascii.ts";
import {
  domainOf,
  localPartOf,
  parseAddress,
  parseDomain,
  parseForwardPath,
  parseLiteral,
  parseReversePath,
} from "./address.ts";

const label63 = "a".repeat(63);

const domains: readonly (readonly [given: string, want: string | undefined])[] = [
  ["example.test", "example.test"],
  ["EXAMPLE.Test", "example.test"],
  ["localhost", "localhost"],
  ["a-b.c_d.example", "a-b.c_d.example"],
  ["bücher.example", "xn--bcher-kva.example"],
  ["BÜCHER.example", "xn--bcher-kva.example"],
  ["XN--BCHER-KVA.example", "xn--bcher-kva.example"],
  ["例え。テスト", "xn--r8jz45g.xn--zckzah"],
  [`${label63}.example`, `${label63}.example`],
  [`${label63}a.example`, undefined],
  ["", undefined],
  [".", undefined],
  ["example.test.", undefined],
  [".example.test", undefined],
  ["a..b", undefined],
  ["-a.example", undefined],
  ["a-.example", undefined],
  ["192.0.2.1", undefined],
  ["example.1", undefined],
  ["0x7f.example", "0x7f.example"],
  ["１９２.０.２.１", undefined],
  ["exa mple.test", undefined],
  ["exa%6dple.test", undefined],
  ["bü%63her.example", undefined],
  ["bü/cher.example", undefined],
  ["bü@cher.example", undefined],
  ["xn--zzzzzzzz--.example", undefined],
  ["a\r\n.example", undefined],
  ["a\0.example", undefined],
  ["[192.0.2.1]", undefined],
  [`${"a.".repeat(127)}b`, `${"a.".repeat(127)}b`],
  [`${"a.".repeat(127)}bc`, undefined],
];
for (const [given, want] of domains)
  test(`domain ${JSON.stringify(given.slice(0, 40))}`, () => assert.equal(parseDomain(given), want));

const literals: readonly (readonly [given: string, want: string | undefined])[] = [
  ["[192.0.2.1]", "[192.0.2.1]"],
  ["[0.0.0.0]", "[0.0.0.0]"],
  ["[IPv6:2001:DB8::1]", "[IPv6:2001:db8::1]"],
  ["[ipv6:::1]", "[IPv6:::1]"],
  ["[IPv6:2001:0db8:0:0:0:0:0:1]", "[IPv6:2001:db8::1]"],
  ["[256.0.2.1]", undefined],
  ["[192.0.2]", undefined],
  ["[192.0.2.1.]", undefined],
  ["[192.0.2.1.5]", undefined],
  ["[0300.0.2.1]", undefined],
  ["[2001:db8::1]", undefined],
  ["[IPv6:fe80::1%eth0]", undefined],
  ["[IPv6:]", undefined],
  ["[tag:content]", undefined],
  ["192.0.2.1", undefined],
  ["[]", undefined],
];
for (const [given, want] of literals) test(`literal ${given}`, () => assert.equal(parseLiteral(given), want));

const addresses: readonly (readonly [given: string, want: string | undefined])[] = [
  ["bob@example.test", "bob@example.test"],
  ["Bob@Example.Test", "Bob@example.test"],
  ["a.b+c@example.test", "a.b+c@example.test"],
  ["!#$%&'*+-/=?^_`{|}~@example.test", "!#$%&'*+-/=?^_`{|}~@example.test"],
  ['"a b"@example.test', '"a b"@example.test'],
  ['"bob"@example.test', "bob@example.test"],
  ['"b\\o\\b"@example.test', "bob@example.test"],
  ['"a\\"b\\\\"@example.test', '"a\\"b\\\\"@example.test'],
  ['"a@b"@example.test', '"a@b"@example.test'],
  ['""@example.test', '""@example.test'],
  ['"Bob"@example.test', "Bob@example.test"],
  ["bob@[192.0.2.1]", "bob@[192.0.2.1]"],
  ["bob@[IPv6:2001:db8::1]", "bob@[IPv6:2001:db8::1]"],
  ["jürgen@bücher.example", "jürgen@xn--bcher-kva.example"],
  ["用户@例え.テスト", "用户@xn--r8jz45g.xn--zckzah"],
  [`${"a".repeat(64)}@example.test`, `${"a".repeat(64)}@example.test`],
  [`${"a".repeat(65)}@example.test`, undefined],
  [`${"ü".repeat(33)}@example.test`, undefined],
  ["bob", undefined],
  ["bob@", undefined],
  ["@example.test", undefined],
  ["a@b@example.test", undefined],
  [".a@example.test", undefined],
  ["a.@example.test", undefined],
  ["a..b@example.test", undefined],
  ["a b@example.test", undefined],
  ["a,b@example.test", undefined],
  ["a<b@example.test", undefined],
  ['"a"b@example.test', undefined],
  ['"a@example.test', undefined],
  ['"a\rb"@example.test', undefined],
  ['"a\\\nb"@example.test', undefined],
  ["a\u0085b@example.test", undefined],
  ["a\ud800@example.test", undefined],
  ["a\0@example.test", undefined],
  ["bob@exa mple.test", undefined],
];
for (const [given, want] of addresses)
  test(`address ${JSON.stringify(given.slice(0, 40))}`, () => assert.equal(parseAddress(given), want));

test("a reverse-path may be null, and a source route is read past", () => {
  assert.equal(parseReversePath(""), "");
  assert.equal(parseReversePath("@one.example,@two.example:bob@example.test"), "bob@example.test");
  assert.equal(parseReversePath("@one.example:bob@[IPv6:2001:db8::1]"), "bob@[IPv6:2001:db8::1]");
  assert.equal(parseReversePath("@one.example,two.example:bob@example.test"), undefined);
  assert.equal(parseReversePath("postmaster"), undefined);
});

test("a forward-path may be postmaster in any case, never null", () => {
  assert.equal(parseForwardPath("PostMaster"), "postmaster");
  assert.equal(parseForwardPath(""), undefined);
  assert.equal(parseForwardPath("@hop.example:Bob@example.test"), "Bob@example.test");
});

test("the parts of an address are found even when the local part holds an @", () => {
  const address = parseAddress('"a@b"@Example.test');
  assert.ok(address);
  assert.equal(domainOf(address), "example.test");
  assert.equal(localPartOf(address), '"a@b"');
});

test("isAscii", () => {
  assert.equal(isAscii("plain\r\n"), true);
  assert.equal(isAscii("ü"), false);
});

test("whatever is accepted parses again to itself and can end no line", () => {
  const pieces = fc.array(
    fc.constantFrom(
      "a",
      "B",
      ".",
      "@",
      '"',
      "\\",
      " ",
      "ü",
      "\r",
      "\n",
      "\0",
      "[",
      "]",
      "127.0.0.1",
      "%",
      "<",
      ">",
      "x.y",
    ),
    { maxLength: 14 },
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      const address = parseAddress(parts.join(""));
      if (address === undefined) return;
      assert.equal(parseAddress(address), address);
      assert.doesNotMatch(address, /[\r\n\0]/);
      assert.equal(`${localPartOf(address)}@${domainOf(address)}`, address);
    }),
    { numRuns: 2000 },
  );
});
