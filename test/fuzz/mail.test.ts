/**
 * Random octets and texts into the parsers of messages and envelopes: paths, addresses, DSN parameters, header sections,
 * MIME structure, address fields, remote replies.
 * What must hold: nothing throws, nothing depends on how octets were split, and what comes out is within its bounds and ends
 * no line.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, parseAddress } from "../../daemon/mail/address.ts";
import { HeaderScanner, scanHeaders } from "../../daemon/mail/headers.ts";
import { ReplyGarbage, ReplyReader, replyLimits } from "../../daemon/mail/remote-reply.ts";
import type { Reply } from "../../daemon/mail/reply.ts";
import { deliveryPrefix, receivedHeader } from "../../daemon/mail/trace.ts";
import { addresses } from "../../daemon/mailbox/digest/addresses.ts";
import { pack } from "../../daemon/mailbox/digest/pack.ts";
import { digestOf, Scanner } from "../../daemon/mailbox/digest/scan.ts";
import type { Part } from "../../daemon/mailbox/digest.ts";
import { parsePathArgument, splitCommand } from "../../daemon/smtp/command.ts";
import { parseMailParameters, parseRcptParameters } from "../../daemon/smtp/parameters.ts";
import { fuzz } from "../harness/fuzz.ts";

const words = (...some: readonly string[]) =>
  fc
    .array(fc.oneof(fc.constantFrom(...some), fc.string({ unit: "binary", maxLength: 5 })), { maxLength: 30 })
    .map((parts) => parts.join(""));
const cuts = fc.array(fc.nat(2_000), { maxLength: 8 });

/** The pieces of the octets between these places. */
function* pieces(octets: Buffer, at: readonly number[]): Iterable<Buffer> {
  let from = 0;
  for (const to of [...at.map((cut) => cut % (octets.length + 1)).sort((a, b) => a - b), octets.length]) {
    yield octets.subarray(from, to);
    from = to;
  }
}

test("paths, addresses and the parameters behind them", () =>
  fuzz(
    "mail: paths, addresses and the parameters behind them",
    fc.property(
      words(
        "<",
        ">",
        "@",
        "a",
        '"',
        "\\",
        ".",
        "x.test",
        "[192.0.2.1]",
        "[IPv6:::1]",
        ":",
        " ",
        "RET=",
        "FULL",
        "ENVID=",
        "+2B",
        "+",
        "NOTIFY=",
        "NEVER",
        "SUCCESS,",
        "ORCPT=",
        "rfc822;",
        "utf-8;",
        "\\x{41}",
        "BODY=8BITMIME",
        "SIZE=",
        "9",
        "SMTPUTF8",
      ),
      (text) => {
        const address = parseAddress(text);
        if (address !== undefined) assert.doesNotMatch(address, /[\r\n\0]/);
        splitCommand(text);
        for (const keyword of ["FROM:", "TO:"] as const) {
          const path = parsePathArgument(keyword, `${keyword}${text}`);
          if (path === undefined) continue;
          parseMailParameters(path.parameters, () => false, true);
          const options = parseRcptParameters(path.parameters);
          if ("orcpt" in options) assert.doesNotMatch(options.orcpt?.address ?? "", /\p{Cc}/u);
        }
      },
    ),
    { numRuns: 3_000 },
  ));

test("what strangers call themselves, in our own lines", () =>
  fuzz(
    "mail: what strangers call themselves, in our own lines",
    fc.property(
      words("mail.far.test", "[", "]", "\r\n", "(", ")", "\u00fc"),
      words('"a b"@x.test', "@", "\r\n"),
      (helo, path) => {
        const origin = { client: "192.0.2.1", helo, protocol: "ESMTP" } as const;
        const line = receivedHeader({ origin, host: "mx.test", id: "1", at: 0, recipient: path as Address });
        const copy = deliveryPrefix({ returnPath: path as Address, deliveredTo: path as Address });
        for (const field of [line, copy])
          assert.match(field, /^(?:[!-9;-~]+: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)+$/);
      },
    ),
    { numRuns: 2_000 },
  ));

const mail = words(
  "From: a@b.test\r\n",
  "Received: x\r\n",
  "Delivered-To: ",
  "a@b.test\r\n",
  "\r\n",
  "\r\n ",
  "Content-Type: multipart/mixed; boundary=aa\r\n",
  "Content-Type: message/rfc822\r\n",
  "--aa",
  "--aa--",
  "--",
  "=?utf-8?Q?=",
  "charset*0=",
  "\u00e4",
  ":",
).map((text) => Buffer.from(text));
const octets = fc.oneof(
  mail,
  fc.uint8Array({ maxLength: 400 }).map((given) => Buffer.from(given)),
);

test("header sections", () =>
  fuzz(
    "mail: header sections",
    fc.property(octets, cuts, (message, at) => {
      const scanner = new HeaderScanner();
      for (const piece of pieces(message, at)) if (scanner.write(piece)) break;
      const facts = scanner.end();
      assert.deepEqual(facts, scanHeaders(message));
      for (const value of facts.deliveredTo) assert.ok(value.length <= 4_000);
    }),
    { numRuns: 3_000 },
  ));

function within(part: Part, from: number, to: number): void {
  assert.ok(part.header.offset >= from && part.body.offset + part.body.size <= to);
  for (const inner of part.parts) within(inner, part.body.offset, part.body.offset + part.body.size);
  if (part.message) within(part.message.structure, part.body.offset, part.body.offset + part.body.size);
}

test("MIME structure", () =>
  fuzz(
    "mail: MIME structure",
    fc.property(octets, cuts, (message, at) => {
      const scanner = new Scanner();
      for (const piece of pieces(message, at)) scanner.push(piece);
      const digest = scanner.end();
      assert.deepEqual(digest, digestOf(message));
      within(digest.structure, 0, message.length);
      assert.ok(JSON.stringify(pack(digest)).length < 100_000);
    }),
    { numRuns: 2_000 },
  ));

test("address fields", () =>
  fuzz(
    "mail: address fields",
    fc.property(
      words("a@b.test", "<", ">", ",", ";", ":", '"', "\\", "(", ")", "=?utf-8?B?", "?=", "@"),
      (text) => {
        // A field's value comes unfolded.
        const value = text.replace(/[\r\n]/g, " ");
        for (const { local, host } of addresses(value)) assert.doesNotMatch(`${local}${host}`, /[\r\n]/);
      },
    ),
    { numRuns: 3_000 },
  ));

test("replies of other servers", () =>
  fuzz(
    "mail: replies of other servers",
    fc.property(words("250", "550", "-", " ", "5.1.1", "\r\n", "\n", "x".repeat(200)), cuts, (text, at) => {
      const read = (parts: Iterable<Buffer>): Reply[] | undefined => {
        const replies: Reply[] = [];
        const reader = new ReplyReader();
        try {
          for (const part of parts) reader.push(part, (reply) => replies.push(reply));
          return replies;
        } catch (error) {
          if (error instanceof ReplyGarbage) return undefined;
          throw error;
        }
      };
      const whole = read([Buffer.from(text)]);
      for (const { code, text: said } of whole ?? []) {
        assert.ok(code >= 200 && code < 600 && said.length <= replyLimits.octets + replyLimits.lineOctets);
        assert.doesNotMatch(said.replaceAll("\n", ""), /\p{Cc}/u);
      }
      assert.deepEqual(read(pieces(Buffer.from(text), at)), whole);
    }),
    { numRuns: 3_000 },
  ));
