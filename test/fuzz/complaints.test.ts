/**
 * Random octets and broken reports into what reads complaints and bounces that come back: nothing throws, nothing takes long, and no token comes out of
 * a report but one that we gave out.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readBounce } from "../../daemon/deliver/complaints/bounce.ts";
import { readAbuseReport } from "../../daemon/deliver/complaints/report.ts";
import type { Address } from "../../daemon/mail/address.ts";
import { classify } from "../../daemon/mail/bounce/classify.ts";
import { feedbackId, sentOf } from "../../daemon/mail/feedback-id.ts";
import { abuseReport } from "../harness/abuse-report.ts";
import { deliveryReport } from "../harness/delivery-report.ts";
import { fuzz } from "../harness/fuzz.ts";

const key = Buffer.alloc(32, 5);
const sent = { message: "01m83v0w13nb01x0tf59h7xkrb", recipient: "bob@far.example" as Address };
const token = feedbackId(sent, key);
const original = `Subject: x\r\nCFBL-Feedback-ID:\r\n ${token}\r\n\r\ntext\r\n`;
const reports = { complaint: abuseReport({ original }), bounce: deliveryReport({ original }) };
const runs = { numRuns: 2_000 };

const ours = (given: string | undefined) => {
  const found = given === undefined ? undefined : sentOf(given, [key]);
  if (found !== undefined) assert.deepEqual(found, sent);
};

const read = (octets: Buffer) => {
  const report = readAbuseReport(octets);
  assert.ok((report?.type.length ?? 0) <= 40);
  ours(report?.token);
  const bounce = readBounce(octets);
  ours(bounce?.token);
  if (bounce) assert.ok(bounce.reply.code >= 500 && classify(bounce.reply));
};

test("octets of any kind", async () => {
  await fuzz(
    "complaints: octets of any kind",
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (octets) => read(Buffer.from(octets))),
    runs,
  );
});

for (const [name, whole] of Object.entries(reports))
  test(`a ${name} with a piece cut out, doubled, or put elsewhere`, async () => {
    const place = fc.nat(whole.length);
    await fuzz(
      `complaints: a ${name} with a piece cut out, doubled, or put elsewhere`,
      fc.property(place, place, place, fc.string({ unit: "binary", maxLength: 40 }), (a, b, c, text) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const piece = whole.slice(from, to);
        for (const broken of [
          whole.slice(0, from) + whole.slice(to),
          whole.slice(0, c) + piece + whole.slice(c),
          whole.slice(0, from) + text + whole.slice(to),
        ])
          read(Buffer.from(broken, "latin1"));
      }),
      runs,
    );
  });

const part = fc.constantFrom(
  "--b\r\n",
  "--b--\r\n",
  "\r\n",
  "Content-Type: message/feedback-report\r\n",
  "Content-Type: message/delivery-status\r\n",
  "Action: failed\r\nStatus: 5.1.1\r\n",
  "Diagnostic-Code: smtp; 550 5.1.1 no\r\n",
  "Content-Type: message/rfc822\r\n",
  "Content-Type: text/rfc822-headers\r\n",
  "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n",
  "Content-Transfer-Encoding: base64\r\n",
  "Content-Transfer-Encoding: quoted-printable\r\n",
  "Feedback-Type: abuse\r\n",
  `CFBL-Feedback-ID: ${token}\r\n`,
  "CFBL-Feedback-ID: ====\r\n",
  "=\r\n=0D=0A\r\n",
);

test("parts of reports in any order", async () => {
  const type = fc.constantFrom("feedback-report", "delivery-status");
  await fuzz(
    "complaints: parts of reports in any order",
    fc.property(type, fc.array(part, { maxLength: 40 }), (reportType, parts) => {
      const head = `Content-Type: multipart/report; report-type=${reportType}; boundary=b\r\n\r\n`;
      read(Buffer.from(head + parts.join("")));
    }),
    runs,
  );
});

test("tokens of any kind", async () => {
  await fuzz(
    "complaints: tokens of any kind",
    fc.property(
      fc.oneof(fc.string(), fc.base64String(), fc.string({ minLength: 900, maxLength: 2_000 })),
      (text) => {
        assert.equal(sentOf(text, [key]), undefined);
      },
    ),
    runs,
  );
});
