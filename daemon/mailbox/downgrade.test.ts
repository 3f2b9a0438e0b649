import assert from "node:assert/strict";
import { isAscii } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { digestOf } from "./digest/scan.ts";
import { downgraded, downgradedHeader, headersOf } from "./downgrade.ts";

const b64 = (text: string) => `=?utf-8?b?${Buffer.from(text).toString("base64")}?=`;
const fields: readonly (readonly [was: string, is: string])[] = [
  ["Subject: plain", "Subject: plain"],
  ["Subject: Grüße", `Subject: ${b64("Grüße")}`],
  ["From: Jörg <joerg@a.example>", `From: ${b64("Jörg")} <joerg@a.example>`],
  ["To: bob@bücher.example", "To: bob@xn--bcher-kva.example"],
  ["To: Bob <bob@bücher.example>", "To: Bob <bob@xn--bcher-kva.example>"],
  ["From: jörg@a.example", `From: ${b64("jörg@a.example")}:;`],
  ["From: Jo <jörg@a.example>", `From: ${b64("Jo <jörg@a.example>")}:;`],
  [
    'To: "B. O. Bé" <b@a.example>, Friends: c@a.example, d@ä.example;',
    `To: ${b64("B. O. Bé")} <b@a.example>,\r\n Friends: c@a.example,\r\n d@xn--4ca.example;`,
  ],
  [
    'Content-Type: application/pdf; name="Büro.pdf"; x=1',
    `Content-Type: application/pdf;\r\n name*=utf-8''B%C3%BCro.pdf;\r\n x="1"`,
  ],
  ["Message-ID: <ö@a.example>", `Downgraded-Message-ID: ${b64("<ö@a.example>")}`],
  ["X-Any: ä\r\n folded", `X-Any: ${b64("ä folded")}`],
];

for (const [was, is] of fields)
  test(`${was} becomes ${is}`, () => {
    const header = `${was}\r\nX-Next: stays\r\n\r\n`;
    assert.equal(downgradedHeader(Buffer.from(header)).toString(), `${is}\r\nX-Next: stays\r\n\r\n`);
  });

test("what is not UTF-8 stays as it is", () => {
  const header = Buffer.from("Subject: Gr\xfc\xdfe\r\n\r\n", "latin1");
  assert.equal(downgradedHeader(header), header);
});

test("whatever a header in UTF-8 holds, it is ASCII afterwards, and has as many fields", () => {
  const names = fc.constantFrom(
    "From",
    "To",
    "Subject",
    "Content-Type",
    "Content-Disposition",
    "Message-ID",
    "X",
    "",
  );
  const value = fc.string({ unit: "grapheme", maxLength: 80 }).map((text) => text.replace(/[\r\n]/g, " "));
  fc.assert(
    fc.property(fc.array(fc.tuple(names, value), { minLength: 1 }), (some) => {
      const header = Buffer.from(`${some.map(([name, text]) => `${name}: ${text}\r\n`).join("")}\r\n`);
      const after = downgradedHeader(header);
      assert.ok(isAscii(after));
      assert.equal(after.toString().split(/\r\n(?![ \t])/).length, some.length + 2);
    }),
  );
});

const letter = Buffer.from(
  [
    "Subject: Grüße",
    'Content-Type: multipart/mixed; boundary="x"',
    "",
    "--x",
    'Content-Disposition: attachment; filename="ü.txt"',
    "",
    "Text bleibt, wie er ist: ü",
    "--x",
    "Content-Type: message/rfc822",
    "",
    "From: Jörg <j@a.example>",
    "",
    "ö",
    "--x--",
    "",
  ].join("\r\n"),
);

async function* split(octets: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, i = 0; at < octets.length; i++) {
    const size = sizes[i % sizes.length] ?? octets.length;
    yield octets.subarray(at, at + size);
    at += size;
  }
}

async function collected(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
}

test("headers of parts and of messages within too, however the octets are split; bodies stay", async () => {
  const headers = headersOf(digestOf(letter).structure);
  const want = letter
    .toString()
    .replace("Grüße", b64("Grüße"))
    .replace('attachment; filename="ü.txt"', "attachment;\r\n filename*=utf-8''%C3%BC.txt")
    .replace("Jörg", b64("Jörg"));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), async (sizes) =>
      assert.equal(await collected(downgraded(split(letter, sizes), headers)), want),
    ),
  );
});
