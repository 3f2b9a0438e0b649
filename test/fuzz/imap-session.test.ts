/**
 * Whatever a client sends, split however it likes, from whatever state: the session answers or ends, and its memory and
 * its mailbox stay whole.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzz } from "../harness/fuzz.ts";
import { simpleMessage, stage, states } from "../harness/imap-session.ts";
import { calm, delivery } from "../harness/mailboxes.ts";

const words = [
  "a",
  "t1",
  "UID",
  "FETCH",
  "STORE",
  "SEARCH",
  "SORT",
  "THREAD",
  "COPY",
  "MOVE",
  "APPEND",
  "LIST",
  "LSUB",
  "STATUS",
  "SELECT",
  "EXAMINE",
  "CREATE",
  "DELETE",
  "RENAME",
  "NOOP",
  "IDLE",
  "DONE",
  "EXPUNGE",
  "CLOSE",
  "ENABLE",
  "ID",
  "AUTHENTICATE",
  "PLAIN",
  "LOGIN",
  "bob",
  "secret",
  "INBOX",
  "Archive",
  "1:*",
  "1",
  "*",
  "2,1",
  "$",
  "(",
  ")",
  "((",
  "))",
  "FLAGS",
  "+FLAGS.SILENT",
  "(\\Seen)",
  "\\Deleted",
  "BODY[]",
  "BODY.PEEK[HEADER.FIELDS (From)]",
  "BODY[1.MIME]<0.5>",
  "ENVELOPE",
  "BODYSTRUCTURE",
  "BINARY[1]",
  "PREVIEW",
  "ALL",
  "NOT",
  "OR",
  "SUBJECT",
  "TEXT",
  "BODY",
  "HEADER",
  "RETURN",
  "(MIN MAX SAVE)",
  "CHARSET",
  "UTF-8",
  "MODSEQ",
  "3",
  "(CHANGEDSINCE 1)",
  "(UNCHANGEDSINCE 2)",
  "REFERENCES",
  "(DATE)",
  "QRESYNC",
  "(QRESYNC (1 1 1:5))",
  "CONDSTORE",
  "IMAP4rev2",
  "UTF8=ACCEPT",
  "{3}",
  "{3+}",
  "~{4+}",
  "{99999999999}",
  "{0+}",
  '"',
  '"x"',
  '"\\"',
  "\0",
  "\xff",
  "&AOQ-",
  "&",
  "%",
  "",
  " ",
  "GETQUOTAROOT",
  "COMPRESS",
  "DEFLATE",
  "UNSELECT",
  "NIL",
] as const;

const anything = fc
  .array(fc.constantFrom(...words), { minLength: 1, maxLength: 9 })
  .map((parts) => parts.join(" "));

/** Commands that work, so that the states behind them are reached too. */
const sound = [
  "LOGIN bob secret",
  "SELECT INBOX",
  "EXAMINE INBOX (CONDSTORE)",
  "ENABLE QRESYNC",
  "SELECT INBOX (QRESYNC (1700000000 1 1:5))",
  "FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY[]<0.20> PREVIEW)",
  "UID FETCH 1:9 (FLAGS BINARY[1] BODY[HEADER.FIELDS (From)]) (CHANGEDSINCE 1)",
  "STORE 1 +FLAGS (\\Deleted $Kw)",
  "UID STORE 1:* (UNCHANGEDSINCE 5) -FLAGS.SILENT (\\Seen)",
  "SEARCH RETURN (SAVE COUNT) OR TEXT joe NOT SUBJECT x",
  "SORT (REVERSE DATE SUBJECT) UTF-8 ALL",
  "THREAD REFERENCES UTF-8 SEEN",
  "COPY 1 Archive",
  "UID MOVE $ Trash",
  "EXPUNGE",
  "APPEND INBOX (\\Seen) {14+}\r\nSubject: x\r\n\r\n",
  'LIST (SUBSCRIBED) "" (* %) RETURN (STATUS (MESSAGES UNSEEN))',
  "CREATE a/b/c",
  "RENAME a x",
  "DELETE x/b",
  "STATUS INBOX (MESSAGES HIGHESTMODSEQ SIZE)",
  "IDLE\r\nDONE",
  "CLOSE",
  "LOGOUT",
] as const;

/** One character of it is another. */
const bent = fc
  .tuple(
    fc.constantFrom(...sound),
    fc.nat(80),
    fc.constantFrom("", " ", "(", ")", '"', "\\", "{", "*", "\0", "9", "[", "\r"),
  )
  .map(([text, at, char]) => `b ${text.slice(0, at)}${char}${text.slice(at + 1)}`);

const line = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...sound).map((text) => `a ${text}`) },
  { weight: 3, arbitrary: bent },
  { weight: 2, arbitrary: anything.map((text) => `c ${text}`) },
  { weight: 1, arbitrary: anything },
);
const ending = fc.constantFrom("\r\n", "\r\n", "\r\n", "\n", "\r", "");
const stream = fc
  .array(
    fc.tuple(
      fc.oneof({ weight: 9, arbitrary: line }, { weight: 1, arbitrary: fc.string({ unit: "binary" }) }),
      ending,
    ),
  )
  .map((lines) => Buffer.from(lines.map(([text, end]) => `${text}${end}`).join(""), "latin1"));

const responseShape = /^(\*|\+|[^ (){%"\\\r\n]+) /;

/** Every response is a line that begins with `*`, `+` or a tag; literals are skipped by their size. */
function checkResponses(out: string): void {
  let at = 0;
  while (at < out.length) {
    assert.match(out.slice(at, at + 200), responseShape, `at ${at}`);
    for (;;) {
      const end = out.indexOf("\r\n", at);
      assert.notEqual(end, -1, "a response without its end");
      const literal = /\{(\d+)\}$/.exec(out.slice(at, end));
      at = end + 2;
      if (!literal) break;
      at += Number(literal[1]);
    }
  }
}

for (const state of Object.keys(states) as (keyof typeof states)[]) {
  test(`any octets when ${state}`, async () => {
    await fuzz(
      `imap-session: any octets when ${state}`,
      fc.asyncProperty(stream, fc.array(fc.nat(500), { maxLength: 5 }), async (octets, cuts) => {
        const here = stage();
        for (let i = 0; i < 2; i++) await here.store.deliver(delivery(simpleMessage), calm);
        const client = await here.connect({ limits: { badCommands: 1_000 } }).bring(state);
        let at = 0;
        for (const cut of [...cuts.sort((a, b) => a - b), octets.length]) {
          if (cut > at) client.send(octets.subarray(at, cut));
          at = Math.max(at, cut);
          await Promise.resolve();
        }
        await client.hangUp();
        assert.doesNotMatch(client.socket.out, /SERVERBUG/);
        if (!client.session.compressed) checkResponses(client.socket.out);
        // The mailbox still serves.
        const after = await here.connect().bring("user");
        await after.ok("STATUS INBOX (MESSAGES)");
        await after.hangUp();
      }),
      { numRuns: 500 },
    );
  });
}
