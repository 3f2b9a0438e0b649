import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { beginsLikeProxy, headerMax, readProxyHeader } from "./proxy-header.ts";

const signature = "0d0a0d0a000d0a515549540a";
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const told = (octets: Buffer | string) => {
  const header = readProxyHeader(Buffer.from(octets as string, "latin1"));
  if (header.kind !== "header") return header.kind === "bad" ? `bad: ${header.why}` : header.kind;
  return `${header.length} ${header.peer ? `${header.peer.address} ${header.peer.port}` : "own"}`;
};

const lines = [
  ["PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n", "44 192.0.2.1 56324"],
  ["PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\nEHLO x\r\n", "44 192.0.2.1 56324"],
  ["PROXY TCP6 2001:DB8::1 2001:db8::2 1 65535\r\n", "44 2001:db8::1 1"],
  ["PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "37 192.0.2.1 1"],
  ["PROXY UNKNOWN\r\n", "15 own"],
  ["PROXY UNKNOWN whatever 1 2 3\r\n", "30 own"],
  ["", "more"],
  ["PRO", "more"],
  ["PROXY TCP4 192.0.2.1", "more"],
  ["EHLO", "bad: it does not begin with a PROXY header"],
  ["PROXY\tTCP4", "bad: it does not begin with a PROXY header"],
  [`PROXY UNKNOWN ${"x".repeat(100)}`, "bad: its PROXY line does not end"],
  ["PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", "bad: its PROXY line names a protocol other than TCP4 and TCP6"],
  ["PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n", "bad: its PROXY line is malformed"],
  ["PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "bad: its PROXY line is malformed"],
  ["PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", "bad: its PROXY line is malformed"],
  ["PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", "bad: its PROXY line is malformed"],
  ["PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", "bad: its PROXY line is malformed"],
  ["PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n", "bad: its PROXY line is malformed"],
  ["PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", "bad: its PROXY line is malformed"],
  ["PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "bad: its PROXY line is malformed"],
  ["PROXY TCP4 192.0.2.1 192.0.2.2 1 2\nEHLO x\r\n", "bad: its PROXY line is malformed"],
] as const;
for (const [text, want] of lines)
  test(`version 1: ${JSON.stringify(text).slice(0, 60)}`, () => assert.equal(told(text), want));

const four = "c0000201 c6336402 dc04 0019";
const six = `20010db8${"00".repeat(11)}01 20010db8${"00".repeat(11)}02 dc04 0019`;
const binary = [
  ["IPv4", `${signature} 21 11 000c ${four}`, "28 192.0.2.1 56324"],
  ["IPv4 with more behind its addresses", `${signature} 21 11 0010 ${four} 03000100`, "32 192.0.2.1 56324"],
  ["IPv4, and then data", `${signature} 21 11 000c ${four} 45484c4f`, "28 192.0.2.1 56324"],
  ["IPv6", `${signature} 21 21 0024 ${six}`, "52 2001:db8::1 56324"],
  ["LOCAL", `${signature} 20 00 0000`, "16 own"],
  ["LOCAL with addresses that do not count", `${signature} 20 11 000c ${four}`, "28 own"],
  ["a UNIX socket", `${signature} 21 31 0002 0000`, "18 own"],
  ["UDP", `${signature} 21 12 000c ${four}`, "28 own"],
  ["half a signature", signature.slice(0, 10), "more"],
  ["no length yet", `${signature} 21 11`, "more"],
  ["half its addresses", `${signature} 21 11 000c c00002`, "more"],
  [
    "version 1 in version 2",
    `${signature} 11 11 000c ${four}`,
    "bad: its PROXY header is of an unknown version",
  ],
  ["command 2", `${signature} 22 11 000c ${four}`, "bad: its PROXY header has an unknown command"],
  ["too short", `${signature} 21 11 000b ${four}`, "bad: its PROXY header is too short for its addresses"],
  [
    "an addition that is longer than the header",
    `${signature} 21 11 0010 ${four} 03000200`,
    "bad: its PROXY header ends within one of its additions",
  ],
  [
    "an addition without a length",
    `${signature} 21 11 000e ${four} 0300`,
    "bad: its PROXY header ends within one of its additions",
  ],
  ["two additions", `${signature} 21 11 0013 ${four} 04000100 040000`, "35 192.0.2.1 56324"],
  ["too long", `${signature} 21 11 ffff ${four}`, "bad: its PROXY header is too long"],
  [
    "a broken signature",
    `0d0a0d0a000d0a515549540b 21 11 000c ${four}`,
    "bad: it does not begin with a PROXY header",
  ],
] as const;
for (const [name, text, want] of binary)
  test(`version 2: ${name}`, () => assert.equal(told(hex(text).toString("latin1")), want));

test("no octets make it throw, and it never waits for more than a header can have", () => {
  const beginning = fc.constantFrom(
    "",
    "PROXY ",
    "PROXY TCP4 ",
    "PROXY TCP6 ",
    hex(`${signature}2111`).toString("latin1"),
    hex(`${signature}2121`).toString("latin1"),
  );
  fc.assert(
    fc.property(beginning, fc.uint8Array({ maxLength: 6_000 }), (start, rest) => {
      const octets = Buffer.concat([Buffer.from(start, "latin1"), rest]);
      const header = readProxyHeader(octets);
      if (header.kind === "more") assert.ok(octets.length < headerMax);
      if (header.kind === "header") assert.ok(header.length <= octets.length);
      beginsLikeProxy(octets);
    }),
    { numRuns: 3_000 },
  );
});

test("however it is cut, a header is the same when it is whole, and more until then", () => {
  const whole = [Buffer.from(lines[0][0]), hex(binary[0][1]), hex(binary[3][1])];
  for (const octets of whole)
    for (let cut = 0; cut < octets.length; cut++)
      assert.equal(readProxyHeader(octets.subarray(0, cut)).kind, "more", `${cut}`);
});

test("addresses come back as they were written", () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.ipV6(), fc.nat(65_535), (source4, source6, port) => {
      const one = readProxyHeader(Buffer.from(`PROXY TCP4 ${source4} 192.0.2.1 ${port} 25\r\n`));
      assert.ok(one.kind === "header" && one.peer?.address === source4 && one.peer.port === port);
      const two = readProxyHeader(Buffer.from(`PROXY TCP6 ${source6} ::1 ${port} 25\r\n`));
      assert.ok(two.kind === "header" && two.peer?.port === port, source6);
    }),
  );
});

const likeness = [
  ["PROXY TCP4 192.0.2.1", true],
  ["PROXY UNKNOWN\r\n", true],
  ["PROXY\r\n", false],
  ["proxy TCP4 x", false],
  ["EHLO PROXY", false],
  [hex(`${signature}20`).toString("latin1"), true],
  ["\r\n\r\n", false],
] as const;
for (const [text, want] of likeness)
  test(`${JSON.stringify(text)} ${want ? "is" : "is not"} like a proxy's`, () =>
    assert.equal(beginsLikeProxy(Buffer.from(text, "latin1")), want));
