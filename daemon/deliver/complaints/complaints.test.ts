/** Reports of abuse: which are read, and which count. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { abuseReport, type ReportGiven } from "../../../test/harness/abuse-report.ts";
import { aDomain, aPolicy } from "../../../test/harness/declare.ts";
import { job as aJob } from "../../../test/harness/settling.ts";
import { snapshot } from "../../directory/builder.ts";
import { silent } from "../../kit/log.ts";
import type { Address, Domain } from "../../mail/address.ts";
import { feedbackId } from "../../mail/feedback-id.ts";
import { newMessageId } from "../../queue/ids.ts";
import type { JobKey, PolicyName, Queued } from "../../queue/job.ts";
import { Feedback } from "../sign/feedback.ts";
import type { Suppressed, SuppressionRecord } from "../suppression/list.ts";
import { Complaints } from "./complaints.ts";
import { reportLimit } from "./parts.ts";
import { readAbuseReport } from "./report.ts";

const now = Date.UTC(2026, 10, 29, 12);
const day = 86_400_000;
const message = newMessageId(now - day);
const victim = "bob@far.example" as Address;
const keys: Readonly<Record<string, readonly Buffer[]>> = {
  default: [Buffer.alloc(32, 1), Buffer.alloc(32, 2)],
  other: [Buffer.alloc(32, 3)],
};
const keysOf = (namespace: string) => keys[namespace] ?? [];
const tokenOf = (over: { message?: string; recipient?: Address; key?: Buffer } = {}) =>
  feedbackId(
    { message: over.message ?? message, recipient: over.recipient ?? victim },
    over.key ?? Buffer.alloc(32, 1),
  );
const original = (token: string, body = "hello") =>
  `Subject: an offer\r\nCFBL-Feedback-ID:\r\n ${token}\r\nFrom: <a@home.example>\r\n\r\n${body}\r\n`;

const shapes: readonly (readonly [string, Partial<ReportGiven>])[] = [
  ["with the whole message", {}],
  [
    "with its header section",
    { as: "text/rfc822-headers", original: original(tokenOf()).split("\r\n\r\n")[0] ?? "" },
  ],
  ["in base64", { as: "text/rfc822-headers", encoding: "base64" }],
  ["quoted-printable", { as: "text/rfc822-headers", encoding: "quoted-printable" }],
  [
    "with a message of which only the beginning is read",
    { original: original(tokenOf(), "x\r\n".repeat(200_000)) },
  ],
];
for (const [name, over] of shapes)
  test(`a report ${name} is read`, () => {
    const report = readAbuseReport(Buffer.from(abuseReport({ original: original(tokenOf()), ...over })));
    assert.deepEqual(report, { type: "abuse", token: tokenOf() });
  });

test("a token in the text of the message is none of its header", () => {
  const text = `Subject: x\r\n\r\nCFBL-Feedback-ID: ${tokenOf()}\r\n`;
  assert.deepEqual(readAbuseReport(Buffer.from(abuseReport({ original: text }))), {
    type: "abuse",
    token: undefined,
  });
});

const none = {
  "a delivery report": abuseReport({ original: "Subject: x\r\n\r\n", reportType: "delivery-status" }),
  "a letter": "From: <x@y.test>\r\nSubject: you send spam\r\n\r\nFeedback-Type: abuse\r\n",
  nothing: "",
  "a report without an end": abuseReport({ original: "x" }).slice(0, 300),
};
for (const [name, text] of Object.entries(none))
  test(`no report of abuse: ${name}`, () => assert.equal(readAbuseReport(Buffer.from(text)), undefined));

const complaints = { complaints: { address: "Complaints@home.example", for: "365d" } };
const directory = snapshot([
  aDomain("home.example"),
  aDomain("neighbour.example", {}, { namespace: "other" }),
  aPolicy({ suppression: complaints }),
]);

interface Came {
  readonly results: readonly string[];
  readonly records: readonly SuppressionRecord[];
}

async function came(
  text: string,
  { to = "complaints@home.example", known = undefined as Suppressed | undefined } = {},
): Promise<Came> {
  const results: string[] = [];
  const records: SuppressionRecord[] = [];
  let read = 0;
  const looker = new Complaints({
    list: {
      find: () => known,
      put: (namespace, record) => records.push({ ...record, text: `${namespace} ${record.text}` }),
    },
    queue: {
      body: async function* () {
        for (let at = 0; at < text.length; at += 65_536) {
          read += 65_536;
          yield Buffer.from(text.slice(at, at + 65_536));
        }
      },
    },
    keys: keysOf,
    counted: (result) => results.push(result),
    tell: async () => {},
    log: silent,
  });
  const domain = to.slice(to.indexOf("@") + 1) as Domain;
  const job = aJob({ class: "local", destination: domain, recipients: [{ address: to as Address }] });
  const queued: Queued = { key: "k" as JobKey, revision: 1, job };
  await looker.look(queued, directory, now, AbortSignal.timeout(120_000));
  assert.ok(read <= reportLimit + 65_536, `${read} octets read`);
  return { results, records };
}

test("a complaint that proves its message suppresses the recipient of that message, whoever it names", async () => {
  const { results, records } = await came(abuseReport({ original: original(tokenOf()) }));
  assert.deepEqual(results, ["counted"]);
  assert.deepEqual(records, [
    { address: victim, by: "complaint", at: now, until: now + 365 * day, text: "default abuse", message },
  ]);
});

test("a former key's token counts", async () => {
  const token = tokenOf({ key: Buffer.alloc(32, 2) });
  assert.deepEqual((await came(abuseReport({ original: original(token) }))).results, ["counted"]);
});

const untied: readonly (readonly [string, string])[] = [
  ["no token", "Subject: x\r\n\r\n"],
  ["a made-up token", original("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJz")],
  ["a changed one", original(`A${tokenOf().slice(1)}`)],
  ["another namespace's", original(tokenOf({ key: Buffer.alloc(32, 3) }))],
  ["a message of long ago", original(tokenOf({ message: newMessageId(now - 61 * day) }))],
  ["no message id in it", original(tokenOf({ message: "x" }))],
];
for (const [name, text] of untied)
  test(`a complaint counts for nothing with ${name}`, async () => {
    assert.deepEqual(await came(abuseReport({ original: text })), { results: ["untied"], records: [] });
  });

test("not-spam and the like are no complaints", async () => {
  for (const type of ["not-spam", "auth-failure", "x".repeat(500)])
    assert.deepEqual(await came(abuseReport({ original: original(tokenOf()), type })), {
      results: ["meaningless"],
      records: [],
    });
});

test("mail to others is not looked at, nor is mail that is no report counted", async () => {
  const text = abuseReport({ original: original(tokenOf()) });
  for (const to of ["alice@home.example", "complaints@neighbour.example"])
    assert.deepEqual(await came(text, { to }), { results: [], records: [] });
  assert.deepEqual(await came("Subject: hello\r\n\r\nhello\r\n"), { results: [], records: [] });
});

test("who is on the list for longer stays there for that reason", async () => {
  const known: Suppressed = { by: "operator", at: 0, until: now + 999 * day };
  assert.deepEqual((await came(abuseReport({ original: original(tokenOf()) }), { known })).records, []);
});

const feedback = new Feedback({ directory: { current: () => directory }, keys: keysOf });
const leaving = (over = {}) =>
  aJob({
    origin: { client: "192.0.2.1", helo: "c", protocol: "ESMTPSA", trusted: true },
    recipients: [{ address: victim }],
    ...over,
  });

test("a message to one recipient bears what a complaint brings back", () => {
  const fields = feedback.fields(leaving({ message }));
  assert.match(
    fields,
    /^CFBL-Address: Complaints@home\.example; report=arf\r\nCFBL-Feedback-ID:\r\n [\w-]+\r\n$/,
  );
  assert.ok(fields.includes(tokenOf()));
});

const bare = {
  "several recipients at once": {
    recipients: [{ address: victim }, { address: "x@far.example" as Address }],
  },
  "a report": { sender: { path: "", body: "7BIT", smtputf8: false } },
  "a forward of a stranger's mail": { origin: { client: "192.0.2.1", helo: "c", protocol: "ESMTP" } },
  "a policy without complaints": { policy: "other/default" as PolicyName },
};
for (const [name, over] of Object.entries(bare))
  test(`no token: ${name}`, () => assert.equal(feedback.fields(leaving(over)), ""));

test("no token where the address is not of a domain of the namespace", () => {
  const foreign = { complaints: { address: "c@neighbour.example", for: "1d" } };
  const other = snapshot([
    aDomain("neighbour.example", {}, { namespace: "other" }),
    aPolicy({ suppression: foreign }),
  ]);
  assert.equal(new Feedback({ directory: { current: () => other }, keys: keysOf }).fields(leaving()), "");
});
