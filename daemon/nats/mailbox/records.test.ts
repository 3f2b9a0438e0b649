import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fields, inEnvelope } from "../../imap/search/fields.ts";
import { unpack } from "../../mailbox/digest/pack.ts";
import type { Ledger } from "../../mailbox/ledger.ts";
import { type Digested, Digester } from "./chunks.ts";
import {
  decodeHead,
  decodeLedger,
  decodeRecord,
  encodeHead,
  encodeLedger,
  encodeMark,
  encodeRecord,
  readHead,
} from "./records.ts";

const text = fc.string({ unit: "grapheme" });
const count = fc.nat();

const plain = { noNullPrototype: true } as const;

const record = fc.record(
  {
    flags: fc.array(text, { maxLength: 4 }),
    internalDate: count,
    saveDate: count,
    size: count,
    modseq: count,
    prefix: text,
    bodyId: text,
    chunks: count,
    deliveryId: text,
  },
  plain,
);

const folder = fc.record(
  {
    id: count,
    name: text,
    uidValidity: count,
    uidNext: count,
    modseq: count,
    messages: count,
    unseen: count,
    deleted: count,
    bytes: count,
    use: fc.constantFrom("\\Sent" as const, "\\Trash" as const),
    floor: count,
  },
  {
    ...plain,
    requiredKeys: [
      "id",
      "name",
      "uidValidity",
      "uidNext",
      "modseq",
      "messages",
      "unseen",
      "deleted",
      "bytes",
    ],
  },
);

const ledger: fc.Arbitrary<Ledger> = fc.record(
  {
    uidFloor: count,
    nextFolder: count,
    modseq: count,
    bytes: count,
    messages: count,
    folders: fc.array(folder, { maxLength: 5 }),
    furnished: fc.boolean(),
    subscriptions: fc.array(text, { maxLength: 3 }),
  },
  plain,
);

test("records are read back as they were written", () => {
  fc.assert(fc.property(record, (given) => assert.deepEqual(decodeRecord(encodeRecord(given)), given)));
});

test("ledgers are read back as they were written", () => {
  fc.assert(fc.property(ledger, (given) => assert.deepEqual(decodeLedger(encodeLedger(given)), given)));
});

test("what lies in streams keeps its form: older records must stay readable", () => {
  const mail =
    '{"f":["\\\\Seen"],"t":5,"s":9,"m":3,"p":"Return-Path: <>\\r\\n","b":"body","c":1,"d":"delivery"}';
  assert.equal(Buffer.from(encodeRecord(decodeRecord(Buffer.from(mail)))).toString(), mail);
  const figures =
    '{"v":1,"floor":1700000000,"next":2,"modseq":3,"bytes":9,"messages":1,"folders":[[1,"INBOX",1700000000,2,3,1,0,9]]}';
  const now = figures.replace('"v":1', '"v":2');
  assert.equal(Buffer.from(encodeLedger(decodeLedger(Buffer.from(figures)))).toString(), now);
  const more = `${now.slice(0, -3)},3,"\\\\Sent"]],"made":true,"subs":["INBOX"]}`;
  assert.equal(Buffer.from(encodeLedger(decodeLedger(Buffer.from(more)))).toString(), more);
  assert.equal(Buffer.from(encodeMark(1, 42)).toString(), "1.42");
});

test("heads are read back as they were written, headers octet by octet; those of version 1 too", () => {
  const { digest } = digested(Buffer.from("Subject: a\r\nReferences: <1@x>\r\n\r\nhello\r\n"));
  const header = Buffer.from([0x53, 0x0a, 0x0a, 0xff, 0x00, 0x7b]);
  for (const given of [
    { size: 3, chunks: 1, digest, header, doomed: true },
    { size: 0, chunks: 0, digest, header: undefined, doomed: false },
  ]) {
    const { digest: found, ...rest } = decodeHead(encodeHead(given));
    assert.deepEqual({ ...rest, digest: { n: found.n, f: found.f, s: found.s } }, given);
    assert.deepEqual(encodeHead(decodeHead(encodeHead(given))), encodeHead(given));
  }
  const old = decodeHead(Buffer.from(JSON.stringify({ v: 1, s: 9, c: 1, g: digest })));
  assert.deepEqual(old, { size: 9, chunks: 1, digest, doomed: false });
  assert.throws(() => decodeHead(Buffer.from('{"v":3}')), SyntaxError);
});

test("what a head rules out without being decoded is in no field of its envelope", () => {
  const word = fc.constantFrom(
    "Alpha",
    "beta.",
    "GAMMA-1",
    '"x \\"y\\" z"',
    "=?utf-8?q?delta?=",
    "ö",
    "<e@f.example>",
    ",",
  );
  const value = fc.array(word, { maxLength: 6 }).map((words) => words.join(" "));
  const needle = fc.oneof(
    fc.constantFrom(
      "alpha",
      "beta. gamma-1",
      "a beta",
      "gamma-1",
      "x",
      "y",
      "delta",
      "e",
      "f.example",
      "utf-8",
    ),
    fc.string({ unit: fc.constantFrom(..."abcdefgz1. -@"), minLength: 1, maxLength: 6 }),
  );
  let ruledOut = 0;
  fc.assert(
    fc.property(value, value, value, needle, (subject, from, to, text) => {
      const mail = Buffer.from(`Subject: ${subject}\r\nFrom: ${from}\r\nTo: ${to}\r\n\r\n`);
      const { digest } = readHead(encodeHead({ size: 1, chunks: 1, ...digested(mail), doomed: false }));
      const unpacked = unpack(digest, Buffer.alloc(0));
      if (unpacked.mayName(text)) return;
      ruledOut++;
      const fields = new Fields(unpacked);
      for (const name of inEnvelope) assert.ok(!fields.folded(name)?.includes(text), name);
    }),
    { numRuns: 1_000 },
  );
  assert.ok(ruledOut > 10, `${ruledOut}`);
});

test("only large bodies have their header beside the digest, unless it is large too", () => {
  const header = "Subject: large\r\n\r\n";
  const long = `X: ${"x".repeat(20_000)}\r\n\r\n`;
  const kept = (octets: string, pieces = 1_000) => digested(Buffer.from(octets), pieces).header?.toString();
  assert.equal(kept(`${header}${"b".repeat(100)}`), undefined);
  assert.equal(kept(`${header}${"b".repeat(20_000)}`), header);
  assert.equal(kept(`${header}${"b".repeat(20_000)}`, 7), header);
  assert.equal(kept(`${long}${"b".repeat(20_000)}`), undefined);
});

function digested(octets: Buffer, piece = octets.length): Digested {
  const digester = new Digester();
  for (let at = 0; at < octets.length; at += piece) digester.push(octets.subarray(at, at + piece));
  return digester.end();
}

const foreign = ["", "{", "{}", "[]", '{"v":3,"folders":[]}'] as const;
for (const octets of foreign)
  test(`what is not ours is refused: ${JSON.stringify(octets)}`, () => {
    assert.throws(() => decodeRecord(Buffer.from(octets)), SyntaxError);
    assert.throws(() => decodeLedger(Buffer.from(octets)), SyntaxError);
  });
