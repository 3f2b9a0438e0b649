import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { field, quotedPrintable, typedAddress } from "./encode.ts";

/** A decoder that knows nothing of the encoder. RFC 2045 §6.7 */
const decode = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(/=\r\n/g, "")
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );

test("quoted-printable brings the octets back, in short ASCII lines without white space at their ends", () => {
  const octets = fc
    .array(
      fc.oneof(
        fc.uint8Array({ maxLength: 50 }),
        fc.constantFrom(Buffer.from("\r\n"), Buffer.from(" "), Buffer.from("="), Buffer.from("x".repeat(90))),
      ),
    )
    .map((parts) => Buffer.concat(parts));
  fc.assert(
    fc.property(octets, (given) => {
      const text = quotedPrintable(given);
      assert.deepEqual(decode(text), given);
      for (const line of text.split("\r\n")) assert.match(line, /^(?:[!-~ \t]{0,75}[!-~])?$/);
    }),
  );
});

const addresses: { given: [type: string, address: string, utf8: boolean]; want: string }[] = [
  { given: ["rfc822", "bob@example.net", false], want: "rfc822; bob@example.net" },
  { given: ["RFC822", "bob@example.net", true], want: "RFC822; bob@example.net" },
  { given: ["rfc822", "bücher@example.net", true], want: "utf-8; bücher@example.net" },
  { given: ["rfc822", "bücher+x@example.net", false], want: "utf-8; b\\x{FC}cher\\x{2B}x@example.net" },
  { given: ["utf-8", "😀@example.net", false], want: "utf-8; \\x{1F600}@example.net" },
  { given: ["x400", "c=gb;a=mail", false], want: "x400; c=gb;a=mail" },
  { given: ["bad type", "bob@example.net", false], want: "unknown; bob@example.net" },
  {
    given: ["rfc822", "bob@example.net\r\nAction: failed", false],
    want: "rfc822; bob@example.net Action: failed",
  },
];
for (const { given, want } of addresses)
  test(`the typed address of ${JSON.stringify(given)}`, () => assert.equal(typedAddress(...given), want));

test("a field is folded at 78 columns", () => {
  const value = Array.from({ length: 30 }, (_, i) => `word${i}`).join(" ");
  const lines = field("Diagnostic-Code", value).split("\r\n");
  assert.equal(lines.pop(), "");
  assert.equal(lines.map((line) => line.trim()).join(" "), `Diagnostic-Code: ${value}`);
  for (const [i, line] of lines.entries()) assert.ok(line.length <= 78 && (i === 0 || line.startsWith(" ")));
});

test("no line of a field is longer than a mail line may be", () => {
  for (const character of ["x", "ü", "😀"]) {
    const lines = field("Diagnostic-Code", character.repeat(1000)).split("\r\n");
    for (const line of lines) assert.ok(Buffer.byteLength(line) <= 998);
  }
});
