import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Address } from "./address.ts";
import type { Origin } from "./envelope.ts";
import { addressLiteral, deliveryPrefix, mailDate, type Receipt, receivedHeader } from "./trace.ts";

const at = Date.UTC(2026, 10, 23, 8, 2, 7, 999);
const origin = (over: Partial<Origin> = {}): Origin => ({
  client: "192.0.2.1",
  helo: "mail.example.org",
  protocol: "ESMTP",
  ...over,
});
const receipt = (over: Partial<Receipt> = {}): Receipt => ({
  origin: origin(),
  host: "mx.example.test",
  id: "01kb0w7k8q0000000000000000",
  at,
  ...over,
});

const dates = [
  [0, "Thu, 01 Jan 1970 00:00:00 +0000"],
  [at, "Mon, 23 Nov 2026 08:02:07 +0000"],
  [Date.UTC(2028, 1, 29, 23, 59, 59), "Tue, 29 Feb 2028 23:59:59 +0000"],
] as const;
for (const [ms, want] of dates) test(`a date reads ${want}`, () => assert.equal(mailDate(ms), want));

test("a date is the same time for every reader, whatever was asked before", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), (ms) => {
      assert.equal(Date.parse(mailDate(ms)), Math.floor(ms / 1000) * 1000);
    }),
  );
});

const table: { name: string; given: Receipt; want: string }[] = [
  {
    name: "a plain session",
    given: receipt({ recipient: "bob@example.test" as Address }),
    want:
      "Received: from mail.example.org ([192.0.2.1]) by mx.example.test with ESMTP\r\n" +
      "\tid 01kb0w7k8q0000000000000000 for <bob@example.test>;\r\n" +
      "\tMon, 23 Nov 2026 08:02:07 +0000\r\n",
  },
  {
    name: "IPv6, TLS and a login that stays private",
    given: receipt({
      origin: origin({
        client: "2001:db8::1",
        helo: "[IPv6:2001:db8::1]",
        user: "alice@example.test",
        protocol: "ESMTPSA",
        tls: { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
      }),
    }),
    want:
      "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1]) by mx.example.test\r\n" +
      "\twith ESMTPSA id 01kb0w7k8q0000000000000000 tls TLS_AES_256_GCM_SHA384;\r\n" +
      "\tMon, 23 Nov 2026 08:02:07 +0000\r\n",
  },
  {
    name: "a HELO that is no name goes into a comment",
    given: receipt({ origin: origin({ helo: "a b)\r\nBcc: <x@y>" }) }),
    want:
      "Received: from [192.0.2.1] ([192.0.2.1]) (helo=a?b???Bcc:??x?y?) by\r\n" +
      "\tmx.example.test with ESMTP id 01kb0w7k8q0000000000000000;\r\n" +
      "\tMon, 23 Nov 2026 08:02:07 +0000\r\n",
  },
  {
    name: "a message of ours comes from nobody",
    given: receipt({ origin: { client: "local", helo: "", protocol: "local" } }),
    want:
      "Received: by mx.example.test id 01kb0w7k8q0000000000000000;\r\n" +
      "\tMon, 23 Nov 2026 08:02:07 +0000\r\n",
  },
];
for (const { name, given, want } of table)
  test(`Received: ${name}`, () => assert.equal(receivedHeader(given), want));

test("a UTF-8 recipient is named only in a message that was declared UTF-8", () => {
  const recipient = "bücher@example.test" as Address;
  assert.doesNotMatch(receivedHeader(receipt({ recipient })), /bücher/);
  const declared = receipt({ recipient, origin: origin({ protocol: "UTF8SMTPS" }) });
  assert.match(receivedHeader(declared), /for <bücher@example\.test>/);
});

test("a cipher name that is not a registered one is left out", () => {
  const tls = { protocol: "TLSv1.2", cipher: "ECDHE\r\nX: y" };
  assert.doesNotMatch(receivedHeader(receipt({ origin: origin({ tls }) })), /tls|X: y/);
});

test("whatever a stranger says, Received is one field of ours in lines of at most 78 where words allow", () => {
  const anything = fc.string({ unit: "binary", maxLength: 300 });
  fc.assert(
    fc.property(anything, anything, anything, anything, (helo, client, cipher, user) => {
      const tls = { protocol: "TLSv1.3", cipher };
      const header = receivedHeader(receipt({ origin: origin({ helo, client, user, tls }) }));
      assert.match(header, /^Received: from [ -~]*(?:\r\n\t[ -~]+)*;\r\n\t[ -~]+ \+0000\r\n$/);
      for (const line of header.split("\r\n"))
        assert.ok(line.length <= 78 || !line.trim().includes(" "), line);
    }),
  );
});

const literals = [
  ["192.0.2.1", "[192.0.2.1]"],
  ["2001:db8::1", "[IPv6:2001:db8::1]"],
  ["fe80::1%eth0", "[IPv6:fe80::1]"],
  ["local", undefined],
  ["", undefined],
] as const;
for (const [ip, want] of literals)
  test(`the literal of "${ip}"`, () => assert.equal(addressLiteral(ip), want));

test("a delivered copy begins with its paths", () => {
  const deliveredTo = "bob@example.test" as Address;
  assert.equal(
    deliveryPrefix({ returnPath: "", deliveredTo }),
    "Return-Path: <>\r\nDelivered-To: bob@example.test\r\n",
  );
  assert.equal(
    deliveryPrefix({ returnPath: '"a\r\nX: y"@example.org' as Address, deliveredTo }),
    'Return-Path: <"aX: y"@example.org>\r\nDelivered-To: bob@example.test\r\n',
  );
});
