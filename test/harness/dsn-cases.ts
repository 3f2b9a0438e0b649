/**
 * The DSNs that are kept as golden files: what is reported, what the original was, and what must come out.
 */
import type { Address } from "../../daemon/mail/address.ts";
import { type Original, originalLimit } from "../../daemon/mail/dsn/original.ts";
import type { Report, ReportedRecipient } from "../../daemon/mail/dsn/report.ts";
import { reply } from "../../daemon/mail/reply.ts";

const queuedAt = Date.UTC(2026, 10, 23, 8, 0, 0);
const minute = 60_000;
const day = 1_440 * minute;
const remote = { name: "mx.example.net", address: "192.0.2.5" };

const header = [
  "Received: from laptop ([192.0.2.77]) by mx.example.test with ESMTPSA id",
  "\t01kb0w0000aaaaaaaaaaaaaaaa for <bob@example.net>;",
  "\tMon, 23 Nov 2026 08:00:00 +0000",
  "From: Alice <alice@example.test>",
  "To: Bob <bob@example.net>",
  "Subject: Lunch on Friday",
  "Date: Mon, 23 Nov 2026 09:00:00 +0100",
  "Message-ID: <lunch.1@example.test>",
];
const whole = (...body: string[]): Original => ({
  octets: Buffer.from([...header, ...body, ""].join("\r\n")),
  complete: true,
});
const original = whole("", "Shall we meet at noon?", ".", "Alice");

const failed = (over: Partial<ReportedRecipient> = {}): ReportedRecipient => ({
  recipient: { address: "bob@example.net" as Address },
  action: "failed",
  reply: reply(550, "5.1.1", "No such user here"),
  remote,
  ...over,
});
const report = (over: Partial<Report> = {}, message: Partial<Report["message"]> = {}): Report => ({
  kind: "failure",
  id: "01kb0w7k8qbbbbbbbbbbbbbbbb",
  at: queuedAt + 2 * minute,
  reportingMta: "mx.example.test",
  to: "alice@example.test" as Address,
  message: { id: "01kb0w0000aaaaaaaaaaaaaaaa", queuedAt, smtputf8: false, ...message },
  recipients: [failed()],
  ...over,
});

const evil = 'x"\r\nBcc: <victim@example.org>\r\n\r\n--=_01kb0w7k8qbbbbbbbbbbbbbbbb--\r\n';
const greek = "δοκιμή@παράδειγμα.δοκιμή" as Address;

export interface Golden {
  readonly report: Report;
  readonly original?: Original;
  readonly parts: readonly [string, string, string?];
  readonly travels?: { readonly eightBit?: true; readonly smtputf8?: true };
}
const plain = ["text/plain", "message/delivery-status", "text/rfc822-headers"] as const;
const withMessage = ["text/plain", "message/delivery-status", "message/rfc822"] as const;

export const cases: Readonly<Record<string, Golden>> = {
  "failure-unknown-user": { report: report(), original, parts: plain },
  "failure-several-recipients": {
    report: report({
      recipients: [
        failed(),
        {
          recipient: { address: "carol@nomail.example" as Address },
          action: "failed",
          reply: reply(556, "5.1.10", "This domain does not accept mail (null MX)"),
        },
        {
          recipient: {
            address: "dave@example.test" as Address,
            orcpt: { type: "rfc822", address: "team@example.test" },
          },
          action: "failed",
          reply: reply(552, "5.2.2", "The mailbox is full"),
        },
        failed({
          recipient: { address: "erin@example.com" as Address },
          reply: reply(554, "5.7.1", "Message rejected as spam\nSee https://example.com/why\nTicket 4711"),
          remote: { name: "mx.example.com", address: "2001:db8::25" },
        }),
      ],
    }),
    original,
    parts: plain,
  },
  "failure-ret-full": { report: report({}, { ret: "FULL" }), original, parts: withMessage },
  "failure-ret-full-too-large": {
    report: report({}, { ret: "FULL" }),
    original: {
      octets: whole("", "x".repeat(originalLimit)).octets.subarray(0, originalLimit),
      complete: false,
    },
    parts: plain,
  },
  "failure-ret-full-8bit": {
    report: report({}, { ret: "FULL" }),
    original: whole(
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 8bit",
      "",
      "Grüße",
    ),
    parts: withMessage,
    travels: { eightBit: true },
  },
  "failure-envid-and-orcpt": {
    report: report(
      {
        recipients: [
          failed({
            recipient: {
              address: "bob@example.net" as Address,
              orcpt: { type: "rfc822", address: "robert@example.test" },
              notify: ["failure"],
            },
          }),
        ],
      },
      { envid: "QQ 314159+2", ret: "HDRS" },
    ),
    original,
    parts: plain,
  },
  "failure-expired": {
    report: report({
      at: queuedAt + 5 * day,
      recipients: [failed({ cause: "expired", reply: reply(451, "4.7.1", "Greylisted, try again") })],
    }),
    original,
    parts: plain,
  },
  "failure-returned-by-operator": {
    report: report({
      recipients: [
        {
          recipient: { address: "bob@example.net" as Address },
          action: "failed",
          reply: reply(554, "5.3.0", "Returned by an operator: sent by mistake"),
          cause: "returned",
        },
      ],
    }),
    original,
    parts: plain,
  },
  "failure-without-original": {
    report: report(),
    parts: ["text/plain", "message/delivery-status"],
  },
  "failure-injection": {
    report: report(
      {
        recipients: [
          failed({
            recipient: {
              address: "bob@example.net" as Address,
              orcpt: { type: `rfc822; ${evil}`, address: evil },
            },
            reply: reply(
              550,
              "5.1.1\r\nAction: delivered",
              `Gone\u001b[2J${evil}\n--=_01kb0w7k8qbbbbbbbbbbbbbbbb`,
            ),
            remote: { name: `mx${evil}`, address: evil },
          }),
        ],
      },
      { envid: evil },
    ),
    original: {
      octets: Buffer.from(
        "From: a@b\r\nMessage-ID: <a>\r\n\t<b> Bcc: x\r\nSubject: --=_guess\r\n\r\n--=_guess--\r\nBcc: y\r\n",
      ),
      complete: true,
    },
    parts: plain,
  },
  "failure-smtputf8": {
    report: report(
      {
        to: "παράδειγμα@example.test" as Address,
        recipients: [
          failed({
            recipient: { address: greek, orcpt: { type: "utf-8", address: greek } },
            reply: reply(550, "5.1.1", "Άγνωστος παραλήπτης"),
          }),
        ],
      },
      { smtputf8: true },
    ),
    original: whole("X-Greek: δοκιμή", "", "Γειά"),
    parts: ["text/plain", "message/global-delivery-status", "message/global-headers"],
    travels: { eightBit: true, smtputf8: true },
  },
  "failure-smtputf8-ret-full": {
    report: report(
      { recipients: [failed({ recipient: { address: greek } })] },
      { smtputf8: true, ret: "FULL" },
    ),
    original: whole("X-Greek: δοκιμή", "", "Γειά"),
    parts: ["text/plain", "message/global-delivery-status", "message/global"],
    travels: { eightBit: true, smtputf8: true },
  },
  "failure-utf8-recipient-plain-sender": {
    report: report({
      recipients: [
        failed({ recipient: { address: greek }, reply: reply(550, "5.6.7", "SMTPUTF8 ist nötig") }),
      ],
    }),
    original,
    parts: plain,
  },
  "failure-raw-8bit-header": {
    report: report(),
    original: whole("X-Raw: Größe \xff", "", "body"),
    parts: plain,
  },
  delay: {
    report: report({
      kind: "delay",
      at: queuedAt + 240 * minute,
      retryUntil: queuedAt + 5 * day,
      recipients: [
        failed({ action: "delayed", reply: reply(451, "4.4.1", "connect: connection refused") }),
        failed({
          action: "delayed",
          recipient: { address: "carol@example.net" as Address },
          reply: reply(452, "4.2.2", "Mailbox full"),
        }),
      ],
    }),
    original,
    parts: plain,
  },
  "success-delivered": {
    report: report(
      {
        kind: "success",
        recipients: [
          {
            recipient: { address: "bob@example.net" as Address, notify: ["success"] },
            action: "delivered",
            reply: reply(250, "2.1.5", "Filed"),
          },
        ],
      },
      { ret: "FULL" },
    ),
    original,
    parts: plain,
  },
  "success-relayed": {
    report: report({
      kind: "success",
      recipients: [failed({ action: "relayed", reply: reply(250, "2.0.0", "Ok: queued as 4ABC") })],
    }),
    original,
    parts: plain,
  },
  "success-expanded": {
    report: report({
      kind: "success",
      recipients: [
        {
          recipient: { address: "team@example.test" as Address, notify: ["success"] },
          action: "expanded",
          reply: reply(250, "2.1.5", "Sent on to 3 addresses"),
        },
      ],
    }),
    original,
    parts: plain,
  },
};
