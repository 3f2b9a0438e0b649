import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { all } from "../../test/harness/mailboxes.ts";
import { flagsOfMaildir, flagsOfStatus, toCrlf } from "./files.ts";
import { maildirFlags, quoteFrom, toLf } from "./mbox.ts";

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
const words = ["From ", "From", ">", ">>", "\n", "\r\n", "\r", "x", "é"];
const text = fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((parts) => parts.join(""));
const cuts = fc.array(fc.nat(200), { maxLength: 20 });

test("every line end becomes CRLF, wherever the pieces are split", async () => {
  await fc.assert(
    fc.asyncProperty(text, cuts, async (given, where) => {
      assert.equal(await joined(toCrlf(split(given, where))), given.replace(/\r?\n/g, "\r\n"));
    }),
  );
});

test("what was written as mboxrd is read back without loss", async () => {
  await fc.assert(
    fc.asyncProperty(text, cuts, async (given, where) => {
      // A lone CR before a line end looks like CRLF in a file; nothing that SMTP lets in has one.
      const mail = given.replaceAll("\r", "").replaceAll("\n", "\r\n");
      const file = await joined(quoteFrom(toLf(split(mail, where))));
      assert.equal(await joined(toCrlf(split(file, where), true)), mail);
    }),
  );
});

test("flags come back from file names, whatever the separator", () => {
  assert.deepEqual(flagsOfMaildir("1.x:2,FS"), ["\\Flagged", "\\Seen"]);
  assert.deepEqual(flagsOfMaildir("1.x;2,T"), ["\\Deleted"]);
  assert.deepEqual(flagsOfMaildir("1.x"), []);
  const every = ["\\Draft", "\\Flagged", "\\Answered", "\\Seen", "\\Deleted"];
  assert.deepEqual(flagsOfMaildir(`1:2,${maildirFlags(every)}`), every);
});

test("flags come back from Status fields", () => {
  assert.deepEqual(flagsOfStatus("ROAF"), ["\\Seen", "\\Answered", "\\Flagged"]);
  assert.deepEqual(flagsOfStatus("O"), []);
});
