import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { all } from "../../test/harness/mailboxes.ts";
import { fromLine, maildirFlags, quoteFrom, statusFields, toLf } from "./mbox.ts";

async function* split(text: string, cuts: readonly number[]): AsyncIterable<Buffer> {
  const octets = Buffer.from(text, "latin1");
  const at = [...new Set(cuts.map((cut) => cut % (octets.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...at, octets.length]) {
    yield octets.subarray(from, to);
    from = to;
  }
}

const joined = async (pieces: AsyncIterable<Buffer>) => Buffer.concat(await all(pieces)).toString("latin1");

// Only LF ends a line here; the `m` flag of a pattern would take a lone CR for one.

/** Rich in what matters: quotes, pieces of "From ", line ends. */
const mailText = fc
  .array(fc.constantFrom("From ", "From", "F", "ro", "m ", ">", ">>", "\n", "\r\n", "\r", "x", " ", "é"), {
    maxLength: 60,
  })
  .map((parts) => parts.join(""));
const cuts = fc.array(fc.nat(200), { maxLength: 20 });

test("CRLF becomes LF wherever the pieces are split", async () => {
  await fc.assert(
    fc.asyncProperty(mailText, cuts, async (text, where) => {
      assert.equal(await joined(toLf(split(text, where))), text.replaceAll("\r\n", "\n"));
    }),
  );
});

test("lines that could be taken for a separator are quoted wherever the pieces are split", async () => {
  await fc.assert(
    fc.asyncProperty(mailText, cuts, async (text, where) => {
      assert.equal(await joined(quoteFrom(split(text, where))), text.replace(/(?<![^\n])>*From /gu, ">$&"));
    }),
  );
});

test("quoting can be undone without loss", async () => {
  await fc.assert(
    fc.asyncProperty(mailText, cuts, async (text, where) => {
      const quoted = await joined(quoteFrom(split(text, where)));
      assert.equal(quoted.replace(/(?<![^\n])>(>*From )/gu, "$1"), text);
      assert.doesNotMatch(quoted, /(?<![^\n])From /u);
    }),
  );
});

const senders = [
  ["a@example.org", 1_700_000_000_000, "From a@example.org Tue Nov 14 22:13:20 2023\n"],
  ["", 0, "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n"],
  ['"a b"@example.org', 0, "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n"],
] as const;
for (const [sender, ms, want] of senders)
  test(`the separator line of <${sender}>`, () => assert.equal(fromLine(sender, ms), want));

const flags = [
  [[], "", "Status: O\n"],
  [["\\Seen"], "S", "Status: RO\n"],
  [["\\SEEN", "$Junk", "\\Answered"], "RS", "Status: RO\nX-Status: A\n"],
  [["\\Deleted", "\\Draft", "\\Flagged", "\\Answered", "\\Seen"], "DFRST", "Status: RO\nX-Status: AFTD\n"],
] as const;
for (const [given, info, fields] of flags)
  test(`flags ${given.join(" ") || "none"} as files know them`, () => {
    assert.equal(maildirFlags(given), info);
    assert.equal(statusFields(given), fields);
  });
