import assert from "node:assert/strict";
import { isAscii } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { originalLimit, type ReturnedPart, returnedPart } from "./original.ts";

const table: {
  name: string;
  text: string;
  complete?: false;
  full?: true;
  utf8?: true;
  want: Omit<ReturnedPart, "content"> & { content: string };
}[] = [
  {
    name: "headers, without the empty line",
    text: "From: a\r\nTo: b\r\n\r\nbody",
    want: { type: "text/rfc822-headers", encoding: "7bit", content: "From: a\r\nTo: b\r\n" },
  },
  {
    name: "the whole message",
    text: "From: a\r\n\r\nbody\r\n",
    full: true,
    want: { type: "message/rfc822", encoding: "7bit", content: "From: a\r\n\r\nbody\r\n" },
  },
  {
    name: "a message that is not complete comes back as headers",
    text: "From: a\r\n\r\nbody",
    full: true,
    complete: false,
    want: { type: "text/rfc822-headers", encoding: "7bit", content: "From: a\r\n" },
  },
  {
    name: "a body that begins without an empty line is left out",
    text: "From: a\r\nhello there\r\n",
    want: { type: "text/rfc822-headers", encoding: "7bit", content: "From: a\r\n" },
  },
  {
    name: "a last line without end gets one",
    text: "From: a\r\nTo: b",
    want: { type: "text/rfc822-headers", encoding: "7bit", content: "From: a\r\nTo: b\r\n" },
  },
  {
    name: "octets above 127 are encoded",
    text: "Subject: ü\r\n\r\n",
    want: { type: "text/rfc822-headers", encoding: "quoted-printable", content: "Subject: =C3=BC\r\n" },
  },
  {
    name: "UTF-8 header fields travel as they are where that is allowed",
    text: "Subject: ü\r\n\r\n",
    utf8: true,
    want: { type: "message/global-headers", encoding: "8bit", content: "Subject: ü\r\n" },
  },
  {
    name: "a UTF-8 message whose header is plain is an ordinary message",
    text: "Subject: u\r\n\r\nü\r\n",
    utf8: true,
    full: true,
    want: { type: "message/rfc822", encoding: "8bit", content: "Subject: u\r\n\r\nü\r\n" },
  },
  {
    name: "a NUL keeps a message from being returned whole",
    text: "Subject: u\r\n\r\n\0\r\n",
    full: true,
    want: { type: "text/rfc822-headers", encoding: "7bit", content: "Subject: u\r\n" },
  },
];
for (const { name, text, complete, full, utf8, want } of table)
  test(name, () => {
    const original = { octets: Buffer.from(text), complete: complete ?? true };
    const { content, ...rest } = returnedPart(original, full ?? false, utf8 ?? false);
    assert.deepEqual({ ...rest, content: Buffer.from(content).toString() }, want);
  });

test("headers that are not UTF-8 are encoded even where UTF-8 is allowed", () => {
  const octets = Buffer.from("Subject: \xfc\r\n\r\n", "latin1");
  const part = returnedPart({ octets, complete: true }, false, true);
  assert.equal(part.encoding, "quoted-printable");
  assert.equal(Buffer.from(part.content).toString(), "Subject: =FC\r\n");
});

test("an endless header section is cut between lines", () => {
  const octets = Buffer.from(`X-Filler: ${"y".repeat(900)}\r\n`.repeat(400)).subarray(0, originalLimit);
  const { content } = returnedPart({ octets, complete: false }, true, false);
  assert.ok(content.length > 60_000 && content.length <= 65_536);
  assert.ok(Buffer.from(content).toString().endsWith("y\r\n"));
});

test("whatever the message, what is returned is what its encoding says and ends in CRLF", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), fc.boolean(), (octets, full, utf8) => {
      const { encoding, content } = returnedPart({ octets, complete: true }, full, utf8);
      const text = Buffer.from(content).toString("latin1");
      assert.ok(text === "" || text.endsWith("\r\n"));
      if (encoding !== "8bit") assert.ok(isAscii(content));
      assert.ok(!text.includes("\0"));
    }),
  );
});
