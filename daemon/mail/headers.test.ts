import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type HeaderFacts, HeaderScanner, headerLimit, scanHeaders } from "./headers.ts";

const facts = (over: Partial<HeaderFacts> = {}): HeaderFacts => ({
  received: 0,
  deliveredTo: [],
  messageId: undefined,
  date: false,
  tlsOptional: false,
  eightBit: false,
  bodyOffset: undefined,
  emptyLineMissing: false,
  endless: false,
  ...over,
});

const table: { name: string; text: string; want: HeaderFacts }[] = [
  {
    name: "an ordinary message",
    text: "Received: by a\r\nDate: x\r\nMessage-ID: <1@a>\r\nFrom: a@b\r\n\r\nHello\r\n",
    want: facts({ received: 1, date: true, messageId: "<1@a>", bodyOffset: 57 }),
  },
  { name: "an empty message", text: "", want: facts() },
  { name: "a body only", text: "\r\nReceived: no\r\n", want: facts({ bodyOffset: 2 }) },
  { name: "header fields only", text: "Date: x\r\nFrom: a\r\n", want: facts({ date: true }) },
  {
    name: "a last line without end",
    text: "Date: x\r\nRECEIVED: y",
    want: facts({ date: true, received: 1 }),
  },
  {
    name: "no Received in the body counts",
    text: "Received: a\r\n\r\nReceived: b\r\nReceived: c\r\n",
    want: facts({ received: 1, bodyOffset: 15 }),
  },
  {
    name: "a value may begin on the next line",
    text: "Message-ID:\r\n <long@a>\r\nX-Received: no\r\n\r\n",
    want: facts({ messageId: "<long@a>", bodyOffset: 42 }),
  },
  {
    name: "names in any case, with obsolete white space before the colon",
    text: "rEcEiVeD : a\r\nDELIVERED-TO\t: B@c\r\n\r\n",
    want: facts({ received: 1, deliveredTo: ["B@c"], bodyOffset: 36 }),
  },
  {
    name: "every Delivered-To, top first; the first Message-ID",
    text: "Delivered-To: a@b\r\nDelivered-To: c@d\r\nMessage-ID: <1>\r\nMessage-ID: <2>\r\n\r\n",
    want: facts({ deliveredTo: ["a@b", "c@d"], messageId: "<1>", bodyOffset: 74 }),
  },
  {
    name: "TLS-Required: No, in any case and folded",
    text: "tls-required:\r\n  nO \r\n\r\n",
    want: facts({ tlsOptional: true, bodyOffset: 24 }),
  },
  {
    name: "TLS-Required with another value says nothing",
    text: "TLS-Required: Yes\r\n\r\nTLS-Required: No\r\n",
    want: facts({ bodyOffset: 21 }),
  },
  {
    name: "a line that is no field begins the body",
    text: "Date: x\r\nHello there\r\nReceived: no\r\n",
    want: facts({ date: true, bodyOffset: 9, emptyLineMissing: true }),
  },
  {
    name: "the envelope line of a mailbox file is passed over",
    text: "From a@b Mon Nov 23\r\nReceived: x\r\n\r\n",
    want: facts({ received: 1, bodyOffset: 36 }),
  },
  {
    name: "an indented first line begins the body",
    text: " x\r\nReceived: x\r\n\r\n",
    want: facts({ bodyOffset: 0, emptyLineMissing: true }),
  },
  {
    name: "a folded Received counts once",
    text: "Received: a\r\n\tReceived: b\r\n\r\n",
    want: facts({ received: 1, bodyOffset: 29 }),
  },
  {
    name: "eight bits in the header section are seen",
    text: "Subject: Größe\r\n\r\nx",
    want: facts({ eightBit: true, bodyOffset: 20 }),
  },
  {
    name: "eight bits in the body are not",
    text: "Date: x\r\n\r\nGröße",
    want: facts({ date: true, bodyOffset: 11 }),
  },
  {
    name: "eight bits in a body without empty line are not",
    text: "Date: x\r\nGröße: \r\n",
    want: facts({ date: true, bodyOffset: 9, emptyLineMissing: true }),
  },
];
for (const { name, text, want } of table)
  test(name, () => assert.deepEqual(scanHeaders(Buffer.from(text)), want));

const pieces = fc.constantFrom(
  "Received: a\r\n",
  "received:\r\n b\r\n",
  "Delivered-To: x@y\r\n",
  "Message-ID: <m@h>\r\n",
  "Date: d\r\n",
  `X-Long: ${"y".repeat(3000)}\r\n`,
  "Subject: ü\r\n",
  " folded ü\r\n",
  "\r\n",
  "no field\r\n",
  ": nameless\r\n",
  `${"n".repeat(300)}: too long a name\r\n`,
  "bare\nline\r",
  "From x\r\n",
);

test("the facts do not depend on where the octets were split", () => {
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 12 }),
      fc.array(fc.nat(400), { maxLength: 30 }),
      (parts, cuts) => {
        const message = Buffer.from(parts.join(""));
        const scanner = new HeaderScanner(4000);
        let at = 0;
        for (const cut of cuts) {
          // The chunk is overwritten after the call, as a socket's buffer is.
          const chunk = Buffer.from(message.subarray(at, at + cut));
          scanner.write(chunk);
          chunk.fill(0x21);
          at += cut;
        }
        scanner.write(message.subarray(at));
        assert.deepEqual(scanner.end(), scanHeaders(message, 4000));
      },
    ),
  );
});

test("counts and offset agree with a scan line by line", () => {
  const field = fc.constantFrom(
    "Received: a",
    "Received:",
    "RECEIVED: b\r\n more",
    "To: x",
    "Date: y",
    "Receivedx: z",
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 30 }), (fields) => {
      const head = fields.map((f) => `${f}\r\n`).join("");
      const want = fields.filter((f) => /^received:/i.test(f)).length;
      const got = scanHeaders(Buffer.from(`${head}\r\nReceived: body\r\n`));
      assert.equal(got.received, want);
      assert.equal(got.bodyOffset, head.length + 2);
    }),
  );
});

test("any octets at all are survived, and the body offset lies within them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      const { bodyOffset } = scanHeaders(octets);
      assert.ok(bodyOffset === undefined || bodyOffset <= octets.length);
    }),
  );
});

test("scanning ends with the header section, or at the limit", () => {
  const scanner = new HeaderScanner();
  assert.equal(scanner.write(Buffer.from("Date: x\r\n")), false);
  assert.equal(scanner.write(Buffer.from("\r\nbody")), true);
  const endless = new HeaderScanner();
  const field = Buffer.from(`X-Filler: ${"z".repeat(1000)}\r\n`);
  let given = 0;
  for (; !endless.write(field); given += field.length) assert.ok(given <= headerLimit);
  assert.deepEqual(endless.end(), facts({ endless: true }));
});

test("one line without end is given up at the limit", () => {
  const scanner = new HeaderScanner(10_000);
  const octets = Buffer.alloc(1000, "a");
  scanner.write(Buffer.from("X:"));
  let calls = 1;
  for (; !scanner.write(octets); calls++) assert.ok(calls <= 11);
  assert.equal(scanner.end().endless, true);
});

test("a line is known for what it is before its end", () => {
  const scanner = new HeaderScanner();
  const sure = (text: string) => [scanner.write(Buffer.from(text)), scanner.sure];
  assert.deepEqual(sure("Subject: x\r\nX-Lo"), [false, 12], "this may yet be no field");
  assert.deepEqual(sure(`ng: ${"y".repeat(300)}`), [false, 320], "this is one, however it ends");
  assert.equal(scanner.write(Buffer.from(`\r\n${"n".repeat(300)}`)), true, "no field has such a name");
  assert.deepEqual(scanner.end(), facts({ bodyOffset: 322, emptyLineMissing: true }));
});
