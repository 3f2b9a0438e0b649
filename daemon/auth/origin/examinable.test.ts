import assert from "node:assert/strict";
import { test } from "node:test";
import { examinable } from "./examinable.ts";

const from = "From: Ann <ann@a.test>\r\n";
const signature = "DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; h=from:subject;\r\n\tbh=x; b=y\r\n";
const arc = (i: number, more = "") =>
  `ARC-Seal: i=${i};${more} b=x\r\nARC-Message-Signature: i=${i}; b=x\r\nARC-Authentication-Results: i=${i}; x\r\n`;
const plain = `Received: x\r\n${signature}${arc(1)}${from}Subject: gr\xfc\xdfe\r\n\r\n`;

test("what is honest stays as it is, however long", () => {
  assert.equal(examinable(plain), plain);
  const long = `${plain.slice(0, -2)}${"X-Long: word word\r\n".repeat(2_000)}References: ${"<a@b.test>\r\n ".repeat(900)}\r\n\r\n`;
  assert.equal(examinable(long), long);
  const full = `${arc(1)}${arc(2)}${signature.repeat(8)}${from}${"X-A: b\r\n".repeat(1_000)}\r\n`;
  assert.equal(examinable(full), full);
});

/** Of short sections nothing can be dear. */
const filler = "X-Filler: of some octets\r\n".repeat(400);
const spaces = " ".repeat(300);
const odd = [
  ["white space that folds nothing", signature.replace("h=from", `n=${spaces}x; h=from`)],
  ["more than 8 KiB", signature.replace("h=from", `z=${"x|".repeat(5_000)}; h=from`)],
  ["hundreds of names", signature.replace("h=from", `h=${"a:".repeat(600)}from`)],
  ["a domain of dots", signature.replace("d=a.test", `d=a${".".repeat(70)}test`)],
  ["octets that are no ASCII, by the hundred", signature.replace("d=a.test", `d=${"\xc3\xa9a".repeat(300)}`)],
] as const;
for (const [name, field] of odd)
  test(`a signature with ${name} is left out, others stay`, () => {
    assert.equal(examinable(`${field}${signature}${from}${filler}\r\n`), `${signature}${from}${filler}\r\n`);
  });

test("of many signatures the first ones stay", () => {
  assert.equal(examinable(`${signature.repeat(20)}${from}\r\n`), `${signature.repeat(8)}${from}\r\n`);
});

test("ARC sets beyond ten, and a chain with one that no sealer writes, are left out", () => {
  const many = Array.from({ length: 11 }, (_, i) => arc(i + 1)).join("");
  assert.equal(examinable(`${many}${from}\r\n`), `${from}\r\n`);
  assert.equal(examinable(`${arc(1)}${arc(2, ` n=${spaces}x;`)}${from}\r\n`), `${from}\r\n`);
});

test("a From field that nobody writes takes every author away: no reader may see another than we do", () => {
  for (const name of [`x@${"a".repeat(300)}.test`, `x@a${".".repeat(70)}test`, `x${spaces}<x@a.test>`])
    assert.equal(examinable(`${from}From: ${name}\r\nTo: x\r\n\r\n`), "To: x\r\n\r\n");
});

test("of more than 5,000 lines only the author is looked at", () => {
  assert.equal(examinable(`${signature}X-Many:${"\r\n x".repeat(6_000)}\r\n${from}\r\n`), from);
});
