import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Ledger } from "../../mailbox/ledger.ts";
import { decodeLedger, decodeRecord, encodeLedger, encodeMark, encodeRecord } from "./records.ts";

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
  },
  plain,
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

const foreign = ["", "{", "{}", "[]", '{"v":3,"folders":[]}'] as const;
for (const octets of foreign)
  test(`what is not ours is refused: ${JSON.stringify(octets)}`, () => {
    assert.throws(() => decodeRecord(Buffer.from(octets)), SyntaxError);
    assert.throws(() => decodeLedger(Buffer.from(octets)), SyntaxError);
  });
