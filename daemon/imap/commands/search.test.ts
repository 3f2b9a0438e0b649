import assert from "node:assert/strict";
import { test } from "node:test";
import { folder, nested, plain } from "../../../test/harness/imap-folder.ts";

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
