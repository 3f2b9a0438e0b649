import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, createInflateRaw, deflateRawSync } from "node:zlib";
import { stage } from "../../../test/harness/imap-session.ts";
import { gaps } from "../folder/gaps.ts";
import { pattern } from "../folder/pattern.ts";

const conversations: Readonly<Record<string, readonly string[]>> = {
  "folders are made, listed, renamed and deleted": [
    "C: a CREATE Work/2026/",
    "S: a OK [MAILBOXID (",
    "C: b CREATE Work",
    "S: b NO [ALREADYEXISTS]",
    'C: c LIST "" Work*',
    'S: * LIST (\\HasChildren) "/" "Work"',
    'S: * LIST (\\HasNoChildren) "/" "Work/2026"',
    "S: c OK",
    "C: d RENAME Work Play",
    "S: d OK",
    'C: e LIST Play/ "%"',
    'S: * LIST (\\HasNoChildren) "/" "Play/2026"',
    "S: e OK",
    "C: f DELETE INBOX",
    "S: f NO [CANNOT]",
    "C: g DELETE Play/2026",
    "S: g OK",
    "C: h DELETE Nowhere",
    "S: h NO [NONEXISTENT]",
    "C: i CREATE Entw&APw-rfe2",
    "S: i OK",
    'C: j LIST "" Entw*',
    'S: * LIST (\\HasNoChildren) "/" "Entw&APw-rfe2"',
    "S: j OK",
    "C: k ENABLE UTF8=ACCEPT",
    "S: * ENABLED UTF8=ACCEPT",
    "S: k OK",
    'C: l LIST "" Entw*',
    'S: * LIST (\\HasNoChildren) "/" "Entw\xc3\xbcrfe2"',
    "S: l OK",
    'C: m LIST "" ""',
    'S: * LIST (\\Noselect) "/" ""',
    "S: m OK",
  ],
  "extended lists": [
    'C: a LIST (SPECIAL-USE) "" (T* J*) RETURN (SUBSCRIBED)',
    'S: * LIST (\\HasNoChildren \\Subscribed \\Junk) "/" "Junk"',
    'S: * LIST (\\HasNoChildren \\Subscribed \\Trash) "/" "Trash"',
    "S: a OK",
    "C: b CREATE A/B",
    "S: b OK",
    "C: c UNSUBSCRIBE A",
    "S: c OK",
    "C: d SUBSCRIBE A/B",
    "S: d OK",
    'C: e LIST (SUBSCRIBED RECURSIVEMATCH) "" A',
    'S: * LIST (\\HasChildren) "/" "A" ("CHILDINFO" ("SUBSCRIBED"))',
    "S: e OK",
    "C: f DELETE A/B",
    "S: f OK",
    'C: g LIST "" A RETURN (STATUS (MESSAGES UIDNEXT))',
    'S: * LIST (\\HasNoChildren) "/" "A"',
    'S: * STATUS "A" (MESSAGES 0 UIDNEXT 1)',
    "S: g OK",
    'C: h LIST (RECURSIVEMATCH) "" *',
    "S: h BAD",
    'C: i LIST (NONSENSE) "" *',
    "S: i BAD",
    'C: j LIST "" * RETURN (NONSENSE)',
    "S: j BAD",
  ],
  "special uses are given once, and only those that are known": [
    "C: a CREATE Sent2 (USE (\\Flagged))",
    "S: a NO [USEATTR]",
    "C: b CREATE X (USE (\\Sent \\Trash))",
    "S: b NO [USEATTR]",
    "C: c CREATE X (COLOR (red))",
    "S: c BAD",
  ],
  "what a selected folder tells": [
    "C: a SELECT Nowhere",
    "S: a NO [NONEXISTENT]",
    "C: b SELECT INBOX (QRESYNC (1 1))",
    "S: b BAD",
    "C: c EXAMINE inbox (CONDSTORE)",
    "S: * FLAGS (",
    "S: * 0 EXISTS",
    "S: * 0 RECENT",
    "S: * OK [PERMANENTFLAGS ()]",
    "S: * OK [UIDVALIDITY ",
    "S: * OK [UIDNEXT 1]",
    "S: * OK [HIGHESTMODSEQ ",
    "S: * OK [MAILBOXID (",
    "S: c OK [READ-ONLY]",
    "C: d ENABLE IMAP4rev2",
    "S: * ENABLED",
    "S: d OK",
    "C: e SELECT INBOX",
    "S: * OK [CLOSED]",
    "S: * FLAGS (",
    "S: * 0 EXISTS",
    'S: * LIST () "/" "INBOX"',
    "S* e OK [READ-WRITE]",
    "C: f UNSELECT",
    "S: f OK",
    "C: g FETCH 1 FLAGS",
    "S: g BAD",
  ],
};

for (const [name, script] of Object.entries(conversations))
  test(name, async () => {
    const client = await stage().connect().bring("user");
    await client.converse(script);
    await client.hangUp();
  });

test("quotas are told as they are limited", async () => {
  const here = stage();
  here.quota = { bytes: 1_048_576, messages: 10 };
  const client = await here.connect().bring("user");
  await client.converse([
    "C: a GETQUOTAROOT INBOX",
    'S: * QUOTAROOT "INBOX" ""',
    'S: * QUOTA "" (STORAGE 0 1024 MESSAGE 0 10)',
    "S: a OK",
    "C: b GETQUOTA other",
    "S: b NO [NONEXISTENT]",
    "C: c GETQUOTAROOT Nowhere",
    "S: c NO [NONEXISTENT]",
  ]);
  await client.hangUp();
});

const patterns = [
  ["*", "a/b", true],
  ["%", "a/b", false],
  ["%/b", "a/b", true],
  ["a*c", "a/b/c", true],
  ["a%c", "a/c", false],
  ["inbox", "INBOX", true],
  ["in%", "INBOX", true],
  ["Inb*/x", "INBOX/x", false],
  ["%%*", "a/b", true],
  ["a.c", "abc", false],
  ["", "a", false],
] as const;

for (const [text, name, want] of patterns)
  test(`${text} ${want ? "fits" : "does not fit"} ${name}`, () => assert.equal(pattern(text)(name), want));

test("no pattern takes long", () => {
  const took = [1, 2, 3].map(() => {
    const since = performance.now();
    assert.equal(pattern(`${"*a%".repeat(300)}b`)("a".repeat(1_000)), false);
    return performance.now() - since;
  });
  assert.ok(Math.min(...took) < 2_000, `${took} ms`);
});

test("gaps are what a folder lacks", () => {
  const has = (...uids: number[]) => uids.map((uid) => ({ uid })) as unknown as Parameters<typeof gaps>[0];
  assert.equal(gaps(has(2, 3, 7), 10, undefined), "1,4:6,8:9");
  assert.equal(gaps(has(), 1, undefined), "");
  assert.equal(gaps(has(2), 9, { kind: "ranges", ranges: [[1, 4]] }), "1,3:4");
});

test("a compressed conversation, with what was pipelined behind COMPRESS", async () => {
  const client = await stage().connect().bring("user");
  const inflate = createInflateRaw();
  let text = "";
  const answered = new Promise<void>((resolve) =>
    inflate.on("data", (octets: Buffer) => {
      text += octets.toString();
      if (/^d OK/m.test(text)) resolve();
    }),
  );
  const said = "b CAPABILITY\r\nc COMPRESS DEFLATE\r\nd NOOP\r\n";
  const packed = deflateRawSync(said, { finishFlush: constants.Z_SYNC_FLUSH });
  client.send("a COMPRESS DEFLATE\r\n");
  assert.match(await client.line(), /^a OK/);
  client.socket.sink = (octets) => inflate.write(octets);
  client.send(packed);
  await answered;
  assert.doesNotMatch(text, /CAPABILITY .*COMPRESS/);
  assert.match(text, /^c NO \[COMPRESSIONACTIVE\]/m);
  client.session.abort();
  await client.over;
});
