import assert from "node:assert/strict";
import { test } from "node:test";
import { folder, nested, plain } from "../../../test/harness/imap-folder.ts";

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
