import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Part } from "../digest.ts";
import { pack, unpack } from "./pack.ts";
import { digestOf, type Scanned, Scanner } from "./scan.ts";

const lines = (...all: string[]) => Buffer.from(all.map((line) => `${line}\r\n`).join(""));
const slice = (octets: Buffer, { offset, size }: { offset: number; size: number }) =>
  octets.toString("latin1", offset, offset + size);

test("a plain message: envelope, header, body, lines", () => {
  const mail = lines("Subject: a", "  folded", "From: Ann <a@b.example>", "", "one", "two");
  const { envelope, structure } = digestOf(mail);
  assert.equal(envelope.subject, "a  folded");
  assert.deepEqual(envelope.from, [{ name: "Ann", local: "a", host: "b.example" }]);
  assert.deepEqual([structure.type, structure.subtype, structure.lines], ["text", "plain", 2]);
  assert.equal(slice(mail, structure.body), "one\r\ntwo\r\n");
});

const nested = lines(
  "Content-Type: multipart/mixed; boundary=aa",
  "",
  "preamble",
  "--aa",
  "",
  "text",
  "--aa",
  "Content-Type: message/rfc822",
  "",
  "Subject: inner",
  'Content-Type: multipart/alternative; boundary="a"',
  "",
  "--a",
  "Content-Type: text/html",
  "",
  "<p>",
  "--a--",
  "",
  "--aa",
  "Content-Type: image/png; name=x",
  "Content-Transfer-Encoding: base64",
  "Content-Disposition: attachment; filename*=utf-8''%E2%82%AC",
  "",
  "AAAA",
  "--aa--",
  "epilogue",
);

test("nested parts are found, each with its octets", () => {
  const { structure } = digestOf(nested);
  const [text, message, image] = structure.parts;
  assert.equal(text && slice(nested, text.body), "text");
  assert.equal(message?.message?.envelope.subject, "inner");
  const [html] = message?.message?.structure.parts ?? [];
  assert.equal(html && slice(nested, html.body), "<p>");
  assert.equal(image && slice(nested, image.body), "AAAA");
  assert.deepEqual(image?.disposition, { type: "attachment", parameters: [["filename", "€"]] });
  assert.equal(structure.parts.length, 3);
});

const odd = [
  ["nothing at all", "", "text/plain"],
  ["no header", "\r\nbody", "text/plain"],
  ["no end of the header", "Subject: x", "text/plain"],
  ["a type that is none", "Content-Type: text\r\n\r\n", "text/plain"],
  ["a multipart without boundary", "Content-Type: multipart/mixed\r\n\r\nx", "multipart/mixed"],
  ["a boundary that never comes", "Content-Type: multipart/mixed; boundary=x\r\n\r\ny", "multipart/mixed"],
] as const;
for (const [what, text, type] of odd)
  test(`${what} is described as ${type}`, () => {
    const { structure } = digestOf(Buffer.from(text));
    assert.equal(`${structure.type}/${structure.subtype}`, type);
    if (structure.type === "multipart") assert.equal(structure.parts.length, 1);
  });

test("a part that ends within its header has no body", () => {
  const mail = lines("Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-ID: <x>", "--b--");
  const [part] = digestOf(mail).structure.parts;
  assert.equal(part?.id, "<x>");
  assert.equal(part?.body.size, 0);
});

test("depth, parts and headers are bounded", () => {
  let deep = "x";
  for (let i = 0; i < 60; i++) deep = `Content-Type: message/rfc822\r\n\r\n${deep}`;
  assert.ok(depthOf(digestOf(Buffer.from(deep)).structure) <= 21);
  const many = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(5_000)}--b--\r\n`;
  assert.equal(digestOf(Buffer.from(many)).structure.parts.length, 499);
  const long = `Subject: ${"x".repeat(900_000)}\r\nTo: ${"a@b,".repeat(90_000)}\r\n\r\nbody`;
  assert.ok(JSON.stringify(pack(digestOf(Buffer.from(long)))).length < 100_000);
});

const depthOf = (part: Part): number =>
  1 + Math.max(0, ...part.parts.map(depthOf), part.message ? depthOf(part.message.structure) : 0);

const piece = fc.constantFrom(
  "--aa",
  "--a",
  "--aa--",
  "--",
  "\r\n",
  "\n",
  "\r",
  "Content-Type: multipart/mixed; boundary=aa",
  "Content-Type: multipart/digest; boundary=a",
  "Content-Type: message/rfc822",
  "Content-Type: text/html; charset*0=ut; charset*1=f-8",
  "Subject: ä",
  'From: (c) "q\\"" <@r:a@b>, g: x@y;',
  "x".repeat(500),
  " ",
  ":",
);
const anyMail = fc.array(piece, { maxLength: 60 }).map((parts) => Buffer.from(parts.join("")));

function scanned(octets: Buffer, cuts: readonly number[]): Scanned {
  const scanner = new Scanner();
  const at = [...new Set(cuts.map((cut) => cut % (octets.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...at, octets.length]) {
    scanner.push(octets.subarray(from, to));
    from = to;
  }
  return scanner.end();
}

test("whatever a message is made of: the digest does not depend on how it was split", () => {
  fc.assert(
    fc.property(anyMail, fc.array(fc.nat(5_000), { maxLength: 30 }), (mail, cuts) => {
      assert.deepEqual(scanned(mail, cuts), digestOf(mail));
    }),
    { numRuns: 300 },
  );
});

function checkRanges(part: Part, from: number, to: number): void {
  const { header, body } = part;
  assert.ok(header.offset >= from && header.size >= 0 && body.size >= 0 && part.lines >= 0);
  assert.equal(header.offset + header.size, body.offset);
  assert.ok(body.offset + body.size <= to, "within the parent");
  for (const inner of part.parts) checkRanges(inner, body.offset, body.offset + body.size);
  if (part.message) checkRanges(part.message.structure, body.offset, body.offset + body.size);
  if (part.type === "multipart") assert.ok(part.parts.length > 0);
}

test("whatever a message is made of: parts lie within their parents, and the whole is covered", () => {
  fc.assert(
    fc.property(fc.oneof(anyMail, fc.uint8Array({ maxLength: 300 })), (given) => {
      const mail = Buffer.from(given);
      const { structure } = digestOf(mail);
      checkRanges(structure, 0, mail.length);
      assert.equal(structure.header.size + structure.body.size, mail.length);
    }),
    { numRuns: 500 },
  );
});

test("a digest is read back as it was packed, and moved by a prefix", () => {
  fc.assert(
    fc.property(anyMail, fc.nat(500), (mail, prefix) => {
      const digest = digestOf(mail);
      const wire = JSON.parse(JSON.stringify(pack(digest)));
      const { envelope, references, structure, header } = unpack(wire, Buffer.alloc(0));
      assert.deepEqual({ header, envelope, references, structure }, digest);
      const moved = unpack(wire, Buffer.alloc(prefix)).structure;
      assert.deepEqual(moved.header, { offset: 0, size: digest.structure.header.size + prefix });
      assert.equal(moved.body.offset, digest.structure.body.offset + prefix);
    }),
  );
});
