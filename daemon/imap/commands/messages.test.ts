import assert from "node:assert/strict";
import { test } from "node:test";
import { type Client, type Stage, stage } from "../../../test/harness/imap-session.ts";
import { calm, delivery } from "../../../test/harness/mailboxes.ts";

const nested = [
  "Date: Tue, 1 Jul 2025 10:00:00 +0200",
  "From: =?utf-8?q?J=C3=B6rg?= <joerg@example.test>",
  "To: bob@example.org",
  "Cc: eve@example.test",
  "Subject: =?utf-8?b?R3LDvMOfZQ==?= from here",
  "Message-ID: <n1@example.test>",
  "X-Color: dark blue",
  "MIME-Version: 1.0",
  'Content-Type: multipart/mixed; boundary="b1"',
  "",
  "preamble",
  "--b1",
  "Content-Type: text/plain; charset=iso-8859-1",
  "Content-Transfer-Encoding: quoted-printable",
  "",
  "Sch=F6ne Gr=FC=",
  "=DFe",
  "--b1",
  'Content-Type: application/octet-stream; name="x.bin"',
  "Content-Transfer-Encoding: base64",
  'Content-Disposition: attachment; filename="x.bin"',
  "",
  "AAECAwQF",
  "BgcICQ==",
  "--b1",
  "Content-Type: message/rfc822",
  "",
  "Subject: inner",
  "From: i@example.test",
  "",
  "inner text",
  "--b1--",
  "",
].join("\r\n");

const plain = (subject: string, more = "") =>
  `From: a@example.test\r\nSubject: ${subject}\r\n${more}\r\nThe text of ${subject}.\r\n`;

/** A folder with these messages, selected. */
async function folder(...texts: string[]): Promise<{ here: Stage; client: Client }> {
  const here = stage();
  for (const text of texts) await here.store.deliver(delivery(text, { prefix: "" }), calm);
  return { here, client: await here.connect().bring("selected") };
}

const sections = [
  ["BODY[]", nested],
  ["BODY[]<0.5>", nested.slice(0, 5), "BODY[]<0>"],
  ["BODY[]<999999.5>", "", "BODY[]<999999>"],
  ["BODY[HEADER]", nested.slice(0, nested.indexOf("preamble"))],
  ["BODY[TEXT]", nested.slice(nested.indexOf("preamble"))],
  ["BODY[HEADER.FIELDS (X-COLOR)]", "X-Color: dark blue\r\n\r\n"],
  ["BODY[1]", "Sch=F6ne Gr=FC=\r\n=DFe"],
  [
    "BODY[1.MIME]",
    "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
  ],
  ["BODY[3]", "Subject: inner\r\nFrom: i@example.test\r\n\r\ninner text"],
  ["BODY[3.HEADER]", "Subject: inner\r\nFrom: i@example.test\r\n\r\n"],
  ["BODY[3.TEXT]", "inner text"],
  ["BODY[3.1]", "inner text"],
  ["BODY[3.HEADER.FIELDS (FROM)]", "From: i@example.test\r\n\r\n"],
  ["BODY[3.HEADER.FIELDS.NOT (FROM)]", "Subject: inner\r\n\r\n"],
  ["BINARY[1]", "Sch\xf6ne Gr\xfc\xdfe"],
  ["BINARY[1]<4.3>", "ne ", "BINARY[1]<4>"],
  ["RFC822.TEXT", nested.slice(nested.indexOf("preamble"))],
] as const;

test("sections, each exactly", async () => {
  const { client } = await folder(nested);
  await client.ok("EXAMINE INBOX");
  for (const [item, want, label = item] of sections)
    assert.equal(
      (await client.ok(`FETCH 1 ${item}`))[0],
      `* 1 FETCH (${label} {${want.length}}\r\n${want})`,
      item,
    );
  for (const item of ["BODY[4]", "BODY[1.1]", "BODY[2.HEADER]", "BODY[3.2]", "BODY[1.TEXT]"])
    assert.equal((await client.ok(`FETCH 1 ${item}`))[0], `* 1 FETCH (${item} NIL)`);
  await client.hangUp();
});

test("octets with NUL come as literal8, sizes of decoded parts as numbers", async () => {
  const { client } = await folder(nested);
  const [binary] = await client.ok("FETCH 1 BINARY.PEEK[2]");
  assert.equal(binary, "* 1 FETCH (BINARY[2] ~{10}\r\n\0\x01\x02\x03\x04\x05\x06\x07\x08\x09)");
  assert.equal(
    (await client.ok("FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2])"))[0],
    "* 1 FETCH (BINARY.SIZE[1] 12 BINARY.SIZE[2] 10)",
  );
  const odd = await folder("Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nx\r\n");
  assert.match((await odd.client.command("FETCH 1 BINARY[1]")).at(-1) ?? "", /^t NO \[UNKNOWN-CTE\]/);
  for (const each of [client, odd.client]) await each.hangUp();
});

test("structure and envelope", async () => {
  const { client } = await folder(nested);
  const [line = ""] = await client.ok("FETCH 1 (ENVELOPE BODYSTRUCTURE BODY PREVIEW)");
  const joerg = '(("=?utf-8?q?J=C3=B6rg?=" NIL "joerg" "example.test"))';
  assert.ok(
    line.includes(
      `ENVELOPE ("Tue, 1 Jul 2025 10:00:00 +0200" "=?utf-8?b?R3LDvMOfZQ==?= from here" ${joerg} ${joerg} ${joerg} ((NIL NIL "bob" "example.org")) ((NIL NIL "eve" "example.test")) NIL NIL "<n1@example.test>")`,
    ),
  );
  assert.ok(
    line.includes(
      '("TEXT" "PLAIN" ("CHARSET" "iso-8859-1") NIL NIL "QUOTED-PRINTABLE" 21 1 NIL NIL NIL NIL)',
    ),
    line,
  );
  assert.match(
    line,
    /\("APPLICATION" "OCTET-STREAM" \("NAME" "x.bin"\) NIL NIL "BASE64" \d+ NIL \("attachment" \("FILENAME" "x.bin"\)\) NIL NIL\)/,
  );
  assert.match(line, /\("MESSAGE" "RFC822" NIL NIL NIL "7BIT" \d+ \(NIL "inner" .*\) \("TEXT" "PLAIN" /);
  assert.match(line, / "MIXED" \("BOUNDARY" "b1"\) NIL NIL NIL\) BODY \(/);
  assert.match(line, /PREVIEW \{\d+\}\r\nSch\xc3\xb6ne Gr\xc3\xbc\xc3\x9fe\)$/);
  await client.ok("ENABLE UTF8=ACCEPT");
  assert.match((await client.ok("FETCH 1 PREVIEW"))[0] ?? "", /PREVIEW "Sch\xc3\xb6ne/);
  await client.hangUp();
});

test("reading marks as seen, and says so; peeking and examining do not", async () => {
  const { here, client } = await folder(plain("one"), plain("two"));
  assert.doesNotMatch((await client.ok("FETCH 1 BODY.PEEK[]"))[0] ?? "", /FLAGS/);
  const examining = await here.connect().bring("examined");
  assert.doesNotMatch((await examining.ok("FETCH 1 BODY[]"))[0] ?? "", /FLAGS/);
  assert.match(
    (await client.ok("FETCH 1:2 BODY[TEXT]")).join("\n"),
    /FLAGS \(\\Seen\)\)\n\* 2 .*FLAGS \(\\Seen\)\)/s,
  );
  assert.match((await examining.command("STORE 1 FLAGS ()")).at(-1) ?? "", /^t NO/);
  assert.match((await examining.command("EXPUNGE")).at(-1) ?? "", /^t NO/);
  for (const each of [client, examining]) await each.hangUp();
});

test("a body that is larger than a batch streams at the client's pace", async () => {
  const large = `Subject: large\r\n\r\n${"0123456789abcdef".repeat(60_000)}`;
  const { client } = await folder(large);
  client.socket.accepts = false;
  client.send("t FETCH 1 BODY.PEEK[]\r\n");
  await client.socket.written();
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  const before = client.socket.out.length;
  assert.ok(before < large.length / 2, `${before} octets were written to a client that does not read`);
  client.socket.accepts = true;
  client.socket.events?.drained();
  const [line = ""] = await client.until("t");
  assert.ok(line.endsWith(`${large})`));
  await client.hangUp();
});

const found = [
  ["ALL", [1, 2, 3]],
  ["1,3", [1, 3]],
  ["UID 2:*", [2, 3]],
  ["SUBJECT grüße", [1]],
  ["FROM jörg", [1]],
  ["FROM joerg@example", [1]],
  ["TO bob CC eve", [1]],
  ["HEADER X-Color BLUE", [1]],
  ['HEADER X-Color ""', [1]],
  ["BODY schöne", [1]],
  ["BODY x-color", []],
  ["TEXT x-color", [1]],
  ["TEXT inner", [1]],
  ['BODY "text of two"', [2]],
  ["NOT SUBJECT two", [1, 3]],
  ["OR SUBJECT two SUBJECT three", [2, 3]],
  ["SENTON 1-Jul-2025", [1]],
  ["SENTBEFORE 1-Jul-2025", [2, 3]],
  ["SINCE 14-Nov-2023 BEFORE 15-Nov-2023", [1, 2, 3]],
  ["LARGER 300", [1]],
  ["SMALLER 300", [2, 3]],
  ["UNSEEN", [1, 2, 3]],
  ["SEEN", []],
  ["OLDER 1", []],
  ["YOUNGER 1000", [1, 2, 3]],
] as const;

test("SEARCH finds what fits, and only that", async () => {
  const { client } = await folder(nested, plain("two"), plain("three"));
  for (const [program, want] of found) {
    const wire = Buffer.from(`SEARCH CHARSET UTF-8 ${program.replace(/(\S*[öü]\S*)/, '"$1"')}`).toString(
      "latin1",
    );
    const [line] = await client.ok(wire);
    assert.equal(line, `* SEARCH${want.map((n) => ` ${n}`).join("")}`, program);
  }
  assert.match((await client.command("SEARCH CHARSET KLINGON ALL")).at(-1) ?? "", /^t NO \[BADCHARSET/);
  await client.hangUp();
});

test("extended results, saved and used", async () => {
  const { client } = await folder(plain("one"), plain("two"), plain("three"));
  await client.converse([
    "C: a SEARCH RETURN () 2:3",
    'S: * ESEARCH (TAG "a") ALL 2:3',
    "S: a OK",
    "C: b UID SEARCH RETURN (MIN MAX COUNT) ALL",
    'S: * ESEARCH (TAG "b") UID MIN 1 MAX 3 COUNT 3',
    "S: b OK",
    "C: c SEARCH RETURN (SAVE) SUBJECT t",
    "S: c OK",
    "C: d FETCH $ UID",
    "S: * 2 FETCH (UID 2)",
    "S: * 3 FETCH (UID 3)",
    "S: d OK",
    "C: e SEARCH RETURN (SAVE MAX) $",
    'S: * ESEARCH (TAG "e") MAX 3',
    "S: e OK",
    "C: f UID STORE $ +FLAGS.SILENT (\\Flagged)",
    "S: f OK",
    "C: g SEARCH FLAGGED",
    "S: * SEARCH 3",
    "S: g OK",
    "C: h SEARCH MODSEQ 1 FLAGGED",
    "S: * SEARCH 3 (MODSEQ ",
    "S: h OK",
    "C: i ENABLE IMAP4rev2",
    "S: * ENABLED IMAP4REV2",
    "S: i OK",
    "C: j SEARCH UNFLAGGED",
    'S: * ESEARCH (TAG "j") ALL 1:2',
    "S: j OK",
  ]);
  await client.hangUp();
});

test("SORT and THREAD", async () => {
  const reply = (id: string, to: string, day: number) =>
    plain(
      `Re: talk`,
      `Date: ${day} Jul 2025 10:00:00 +0000\r\nMessage-ID: <${id}@x>\r\nReferences: <${to}@x>\r\n`,
    );
  const { client } = await folder(
    reply("c", "a", 3),
    plain("talk", "Date: 1 Jul 2025 10:00:00 +0000\r\nMessage-ID: <a@x>\r\n"),
    reply("b", "a", 2),
    plain("other", "Date: 4 Jul 2025 10:00:00 +0000\r\nMessage-ID: <o@x>\r\n"),
  );
  await client.converse([
    "C: a SORT (DATE) UTF-8 ALL",
    "S: * SORT 2 3 1 4",
    "S: a OK",
    "C: b SORT (REVERSE SUBJECT DATE) US-ASCII ALL",
    "S: * SORT 2 3 1 4",
    "S: b OK",
    "C: c UID SORT RETURN (ALL COUNT) (REVERSE ARRIVAL) UTF-8 1:2",
    'S: * ESEARCH (TAG "c") UID ALL 1,2 COUNT 2',
    "S: c OK",
    "C: d THREAD REFERENCES UTF-8 ALL",
    "S: * THREAD (2 (3)(1))(4)",
    "S: d OK",
    "C: e UID THREAD ORDEREDSUBJECT UTF-8 ALL",
    "S: * THREAD (2 (3)(1))(4)",
    "S: e OK",
    "C: f SORT (LENGTH) UTF-8 ALL",
    "S: f BAD",
    "C: g THREAD FOO UTF-8 ALL",
    "S: g BAD",
  ]);
  await client.hangUp();
});

test("COPY, MOVE, UID EXPUNGE", async () => {
  const { client } = await folder(plain("one"), plain("two"), plain("three"));
  const validity = /UIDVALIDITY (\d+)/.exec((await client.ok("STATUS Archive (UIDVALIDITY)"))[0] ?? "")?.[1];
  await client.converse([
    "C: a COPY 1:2 Archive",
    `S: a OK [COPYUID ${validity} 1:2 1:2]`,
    "C: b COPY 1 Nowhere",
    "S: b NO [TRYCREATE]",
    "C: c UID COPY 99 Archive",
    "S: c OK",
    "C: d COPY 99 Archive",
    "S: d BAD",
    "C: e MOVE 2 Archive",
    `S: * OK [COPYUID ${validity} 2 3]`,
    "S: * 2 EXPUNGE",
    "S: e OK",
    "C: f STORE 1:2 +FLAGS.SILENT (\\Deleted)",
    "S: f OK",
    "C: g UID EXPUNGE 3",
    "S: * 2 EXPUNGE",
    "S: g OK",
    "C: h CLOSE",
    "S: h OK",
    "C: i SELECT INBOX",
    "S* * 0 EXISTS",
    "S* i OK",
  ]);
  await client.hangUp();
});

test("conditional changes and what changed since", async () => {
  const { here, client } = await folder(plain("one"), plain("two"), plain("three"));
  const highest = async () =>
    Number(/HIGHESTMODSEQ (\d+)/.exec((await client.ok("STATUS INBOX (HIGHESTMODSEQ)"))[0] ?? "")?.[1]);
  const start = await highest();
  const other = await here.connect().bring("selected");
  await other.ok("STORE 2 +FLAGS (\\Flagged)");
  await client.ok("NOOP");
  const answer = await client.command(`STORE 1:3 (UNCHANGEDSINCE ${start}) +FLAGS (\\Seen)`);
  assert.match(answer.at(-1) ?? "", /^t OK \[MODIFIED 2\]/);
  assert.match(answer.join("\n"), /\* 1 FETCH \(UID 1 FLAGS \(\\Seen\) MODSEQ \(\d+\)\)\n\* 3 FETCH/);
  const changed = await client.ok(`FETCH 1:* (FLAGS) (CHANGEDSINCE ${start + 1})`);
  assert.deepEqual(changed.map((line) => /^\* (\d)/.exec(line)?.[1]).filter(Boolean), ["1", "3"]);
  assert.match((await client.command("FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)")).at(-1) ?? "", /^t BAD/);
  for (const each of [client, other]) await each.hangUp();
});

test("QRESYNC tells what was missed", async () => {
  const { here, client } = await folder(plain("one"), plain("two"), plain("three"), plain("four"));
  const [line = ""] = await client.ok("STATUS INBOX (UIDVALIDITY HIGHESTMODSEQ)");
  const [, validity, modseq] = /UIDVALIDITY (\d+) HIGHESTMODSEQ (\d+)/.exec(line) ?? [];
  await client.ok("STORE 2:3 +FLAGS (\\Deleted)");
  await client.ok("STORE 4 +FLAGS (\\Flagged)");
  await client.ok("EXPUNGE");
  const other = await here.connect().bring("user");
  assert.match(
    (await other.command(`SELECT INBOX (QRESYNC (${validity} ${modseq}))`)).at(-1) ?? "",
    /^t BAD/,
  );
  await other.ok("ENABLE QRESYNC");
  const missed = await other.ok(`SELECT INBOX (QRESYNC (${validity} ${modseq} 1:9))`);
  assert.ok(missed.includes("* VANISHED (EARLIER) 2:3"));
  assert.ok(missed.some((each) => /^\* 2 FETCH \(UID 4 FLAGS \(\\Flagged\) MODSEQ \(\d+\)\)/.test(each)));
  assert.ok(!missed.some((each) => each.includes("UID 1 ")));
  const known = await other.ok(`SELECT INBOX (QRESYNC (${validity} ${modseq} 3,4 (1 1)))`);
  assert.ok(known.includes("* OK [CLOSED] The mailbox before is left"));
  assert.ok(known.includes("* VANISHED (EARLIER) 3"));
  const stale = await other.ok(`SELECT INBOX (QRESYNC (7 ${modseq}))`);
  assert.ok(!stale.some((each) => each.includes("VANISHED")));
  await other.ok("STORE 1 +FLAGS (\\Deleted)");
  const gone = await other.ok("EXPUNGE");
  assert.equal(gone[0], "* VANISHED 1");
  assert.match(gone.at(-1) ?? "", /^t OK \[HIGHESTMODSEQ \d+\]/);
  assert.deepEqual((await client.ok("NOOP"))[0], "* 1 EXPUNGE");
  for (const each of [client, other]) await each.hangUp();
});

test("THREADID: the same for all that refers to one beginning, found by SEARCH; others have their own", async () => {
  const { client } = await folder(
    plain("root", "Message-ID: <root@x.test>\r\n"),
    plain("two", "Message-ID: <two@x.test>\r\nIn-Reply-To: <root@x.test>\r\n"),
    plain("three", "Message-ID: <three@x.test>\r\nReferences: <root@x.test> <two@x.test>\r\n"),
    plain("other", "Message-ID: <other@x.test>\r\n"),
    plain("nameless"),
  );
  const lines = await client.ok("FETCH 1:* (THREADID)");
  const ids = lines.flatMap((line) => /THREADID \((T[A-Za-z0-9_-]+)\)/.exec(line)?.[1] ?? []);
  const [first, second, third, ...others] = ids;
  assert.deepEqual([second, third], [first, first]);
  assert.equal(new Set([first, ...others]).size, 3);
  assert.equal((await client.ok(`SEARCH THREADID ${first}`))[0], "* SEARCH 1 2 3");
  assert.equal((await client.ok("SEARCH THREADID Tnone"))[0], "* SEARCH");
  await client.hangUp();
});
