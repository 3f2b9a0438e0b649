/**
 * Scripts and what they make of one message: for our interpreter, and for Pigeonhole's as the reference.
 *
 * A verdict reads `INBOX`, `Work \Seen`, `> a@b.example`, `reject: why`, `vacation`, joined by ` + `; `nothing` for a
 * message that is discarded; `fault` when the run fails and the message is kept.
 */
import { Letter } from "../../daemon/deliver/filter/letter.ts";
import { compile } from "../../daemon/sieve/compile.ts";
import { SieveFault } from "../../daemon/sieve/fault.ts";
import { type Decision, runScript } from "../../daemon/sieve/run.ts";

export const envelope = { from: "Boss@Example.org", to: "alice+lists@example.test" } as const;

export const message = [
  "Return-Path: <Boss@Example.org>",
  "From: =?utf-8?q?J=C3=B6rg?= Boss <Boss@Example.org>, second@other.example",
  "To: Alice <alice+lists@example.test>",
  "Cc: team: a@team.example, b@team.example;",
  "Subject: =?utf-8?b?R3LDvMOfZQ==?= from\r\n the [dev] list",
  "X-Priority: 007",
  "X-Spam-Score: 12",
  "List-Id: <dev.example.org>",
  "X-Empty:",
  "Received: one",
  "Received: two",
  "Message-ID: <m1@example.org>",
  "Date: Sun, 29 Nov 2026 05:00:00 +0000",
  "MIME-Version: 1.0",
  'Content-Type: multipart/mixed; boundary="b"',
  "",
  "preamble",
  "--b",
  "Content-Type: text/plain; charset=utf-8",
  "Content-Transfer-Encoding: quoted-printable",
  "",
  "Gr=C3=BC=C3=9Fe, the money is=20",
  "in the drawer.",
  "--b",
  "Content-Type: text/html",
  "",
  "<b>bold</b> offer",
  "--b",
  "Content-Type: application/octet-stream",
  "Content-Transfer-Encoding: base64",
  "",
  "c2VjcmV0IGF0dGFjaG1lbnQ=",
  "--b--",
  "",
].join("\r\n");

export interface SieveCase {
  readonly name: string;
  readonly script: string;
  readonly want: string;
  /** Where the reference is of another mind, or its test program cannot show it. */
  readonly apart?: string;
}

const fileinto = (test: string, needs: readonly string[] = []) =>
  `require [${["fileinto", ...needs].map((name) => `"${name}"`).join(", ")}];\nif ${test} { fileinto "Work"; }`;
const yes = (name: string, test: string, ...needs: string[]): SieveCase => ({
  name,
  script: fileinto(test, needs),
  want: "Work",
});
const no = (name: string, test: string, ...needs: string[]): SieveCase => ({
  name,
  script: fileinto(test, needs),
  want: "INBOX",
});

export const cases: readonly SieveCase[] = [
  { name: "an empty script keeps", script: "", want: "INBOX" },
  { name: "comments", script: "# one\n/* two\n keep; */ discard; # three", want: "nothing" },
  { name: "keep", script: "keep;", want: "INBOX" },
  { name: "keep twice is once", script: "keep; keep;", want: "INBOX" },
  { name: "discard", script: "discard;", want: "nothing" },
  { name: "discard and keep", script: "discard; keep;", want: "INBOX" },
  { name: "stop", script: 'require "fileinto"; stop; fileinto "Work";', want: "INBOX" },
  { name: "fileinto", script: 'require "fileinto"; fileinto "Work";', want: "Work" },
  { name: "fileinto and keep", script: 'require "fileinto"; fileinto "Work"; keep;', want: "Work + INBOX" },
  {
    name: "fileinto :copy",
    script: 'require ["fileinto", "copy"]; fileinto :copy "Work";',
    want: "Work + INBOX",
  },
  { name: "redirect", script: 'redirect "x@far.example";', want: "> x@far.example" },
  {
    name: "redirect :copy",
    script: 'require "copy"; redirect :copy "x@far.example";',
    want: "> x@far.example + INBOX",
  },
  {
    name: "redirect twice to one address is once",
    script: 'redirect "x@far.example"; redirect "x@far.example";',
    want: "> x@far.example",
  },
  { name: "reject", script: 'require "reject"; reject "no, thanks";', want: "reject: no, thanks" },
  {
    name: "ereject",
    script: 'require "ereject"; ereject text:\nno,\n..thanks\n.\n;',
    want: "reject: no,\r\n.thanks\r\n",
    apart: "it is not built in everywhere",
  },
  {
    name: "reject and keep do not go together",
    script: 'require "reject"; reject "x"; keep;',
    want: "fault",
  },
  yes("if true", "true"),
  no("if false", "false"),
  yes("not", "not false"),
  yes("allof", "allof(true, not false)"),
  no("allof with one that fails", "allof(true, false)"),
  yes("anyof", "anyof(false, true)"),
  {
    name: "elsif and else",
    script:
      'require "fileinto"; if false { discard; } elsif header :is "x-priority" "8" { discard; } ' +
      'elsif true { fileinto "Work"; } else { discard; }',
    want: "Work",
  },
  { name: "else", script: 'require "fileinto"; if false { keep; } else { fileinto "Work"; }', want: "Work" },
  yes(
    "header :is, encoded words decoded, any case",
    'header :is "SUBJECT" "gr\u00fc\u00dfe FROM the [dev] list"',
  ),
  no("header :is is the whole", 'header :is "subject" "gr\u00fc\u00dfe"'),
  yes("header :contains", 'header :contains "subject" "[DEV]"'),
  no(
    "i;octet minds the case",
    'header :comparator "i;octet" :contains "subject" "[DEV]"',
    "comparator-i;octet",
  ),
  yes("header :matches", 'header :matches "subject" "*[dev]*"'),
  yes("? is one character", 'header :matches "x-spam-score" "1?"'),
  no("? is not none", 'header :matches "x-spam-score" "12?"'),
  yes("stars fall back", 'header :matches "subject" "*e*e*list"'),
  no("a pattern is the whole", 'header :matches "subject" "list"'),
  yes("a backslash takes the meaning away", 'not header :matches "subject" "gr\u00fc\u00dfe\\\\*"'),
  yes("several fields, several keys", 'header :is ["x-none", "x-priority"] ["1", "007"]'),
  no("only ASCII letters have a case", 'header :contains "subject" "GR\u00dc"'),
  yes("exists", 'exists ["from", "To"]'),
  no("exists wants all", 'exists ["from", "x-none"]'),
  yes("an empty field exists and contains nothing", 'allof(exists "x-empty", header :is "x-empty" "")'),
  no("what is not there is not empty", 'header :is "x-none" ""'),
  no("a field that is not there contains nothing", 'header :contains "x-none" ""'),
  yes("size :over", "size :over 500"),
  no("size :over with a unit", "size :over 1M"),
  yes("size :under", "size :under 1K"),
  yes("address :all", 'address "from" "boss@example.org"'),
  yes("address of the second", 'address :is "from" "second@other.example"'),
  yes("address :localpart", 'address :localpart "from" "BOSS"'),
  yes("address :domain", 'address :domain :is ["to", "cc"] "team.example"'),
  no("address ignores names", 'address :contains "to" "Alice "'),
  yes("envelope from", 'envelope "from" "boss@example.org"', "envelope"),
  yes("envelope :domain to", 'envelope :domain "to" "example.test"', "envelope"),
  yes("subaddress :detail", 'address :detail "to" "lists"', "subaddress"),
  yes("subaddress :user", 'envelope :user "to" "alice"', "subaddress", "envelope"),
  no("without a detail :detail has nothing", 'address :detail "from" ""', "subaddress"),
  yes(
    "relational :value",
    'header :value "ge" :comparator "i;ascii-numeric" "x-spam-score" "9"',
    "relational",
    "comparator-i;ascii-numeric",
  ),
  yes("relational :value of texts", 'header :value "lt" "x-spam-score" "9"', "relational"),
  yes(
    "i;ascii-numeric minds no zeros",
    'header :comparator "i;ascii-numeric" "x-priority" "7"',
    "comparator-i;ascii-numeric",
  ),
  yes(
    "relational :count",
    'header :count "eq" :comparator "i;ascii-numeric" "received" "2"',
    "relational",
    "comparator-i;ascii-numeric",
  ),
  yes(
    "relational :count of addresses",
    'address :count "ge" :comparator "i;ascii-numeric" ["from", "cc"] "4"',
    "relational",
    "comparator-i;ascii-numeric",
  ),
  yes("body :text, decoded", 'body :text :contains "the money is"', "body"),
  yes("body :text in another charset's letters", 'body :contains "Gr\u00fc\u00dfe"', "body"),
  no("body :text is no attachment", 'body :text :contains "secret"', "body"),
  yes("body :content", 'body :content "application/octet-stream" :contains "secret attachment"', "body"),
  yes("body :content by main type", 'body :content "text" :contains "<b>"', "body"),
  yes("body :raw", 'body :raw :contains "Gr=C3=BC"', "body"),
  no("body :raw is not decoded", 'body :raw :contains "secret"', "body"),
  {
    name: "setflag and addflag",
    script:
      'require ["imap4flags", "fileinto"]; setflag "\\\\Seen"; addflag ["$Label1", "\\\\flagged \\\\SEEN"]; fileinto "Work";',
    want: "Work $Label1 \\Flagged \\Seen",
  },
  {
    name: "removeflag, and flags of keep alone",
    script:
      'require ["imap4flags", "fileinto"]; addflag "a b c"; removeflag "B"; fileinto :flags "\\\\Answered" "Work"; keep;',
    want: "Work \\Answered + INBOX a c",
  },
  {
    name: "hasflag",
    script: 'require ["imap4flags", "fileinto"]; addflag "a"; if hasflag "A" { fileinto "Work"; }',
    want: "Work a",
  },
  {
    name: "the implicit keep has the flags",
    script: 'require "imap4flags"; addflag "\\\\Flagged";',
    want: "INBOX \\Flagged",
  },
  {
    name: "encoded characters",
    script:
      'require ["encoded-character", "fileinto"]; if header :contains "subject" "gr$' +
      "{unicode:fc}$" +
      '{hex: c3 9f}e" { fileinto "Work"; }',
    want: "Work",
  },
  {
    name: "vacation answers and keeps",
    script: 'require "vacation"; vacation :days 3 :subject "away" "I am away";',
    want: "INBOX + vacation",
    apart: "shown in other words",
  },
  {
    name: "five redirects are too many",
    script: ["a", "b", "c", "d", "e"].map((name) => `redirect "${name}@far.example";`).join(" "),
    want: "fault",
    apart: "its limit is of its installation",
  },
  {
    name: "mailboxexists",
    script: 'require ["fileinto", "mailbox"]; if mailboxexists ["INBOX", "Work"] { fileinto "Work"; }',
    want: "Work",
    apart: "its test program has no folders",
  },
  {
    name: "mailboxexists, not all",
    script:
      'require ["fileinto", "mailbox"]; if mailboxexists ["Work", "Play"] { discard; } fileinto :create "Play";',
    want: "Play",
    apart: "its test program has no folders",
  },
];

const subaddress = (local: string) => {
  const at = local.indexOf("+");
  return at < 0 ? undefined : { user: local.slice(0, at), detail: local.slice(at + 1) };
};

export async function verdictOf(script: string, text: string): Promise<string> {
  const octets = Buffer.from(text);
  const letter = new Letter({
    head: octets,
    whole: async () => octets,
    size: octets.length,
    envelope,
    mailboxExists: async (name) => name === "INBOX" || name === "Work",
    subaddress,
  });
  try {
    return verdict(await runScript(compile(script), letter));
  } catch (error) {
    if (error instanceof SieveFault && error.line === 0) return "fault";
    throw error;
  }
}

function verdict({ filings, redirects, reject, vacation }: Decision): string {
  const words = [
    ...redirects.map((address) => `> ${address}`),
    ...filings.map(({ folder, flags }) => [folder, ...[...flags].sort()].join(" ")),
    ...(reject === undefined ? [] : [`reject: ${reject}`]),
    ...(vacation ? ["vacation"] : []),
  ];
  return words.length === 0 ? "nothing" : words.join(" + ");
}
