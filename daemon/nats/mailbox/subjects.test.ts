import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MailboxName } from "../../mailbox/store.ts";
import {
  chunkSubject,
  decodeToken,
  deliverySubject,
  encodeToken,
  folderRecords,
  ledgerSubject,
  mailboxOf,
  recordSubject,
  shardOf,
  uidOf,
} from "./subjects.ts";

const bob = "bob.b@example.org" as MailboxName;
/** Without lone surrogates: addresses are well-formed text. */
const anyText = fc.string({ unit: "grapheme" });

test("any text becomes one token that can be read back", () => {
  fc.assert(
    fc.property(fc.oneof(anyText, fc.string({ unit: "binary-ascii" })), (text) => {
      const token = encodeToken(text);
      assert.match(token, /^[A-Za-z0-9_@+=-]+$/);
      assert.equal(decodeToken(token), text);
    }),
  );
});

const tokens = [
  ["bob@example.org", "bob@example=2Eorg"],
  ["a+b_c-d@x", "a+b_c-d@x"],
  ["", "="],
  ["=", "=3D"],
  ["*.>", "=2A=2E=3E"],
  ["ü@x", "=C3=BC@x"],
] as const;
for (const [text, token] of tokens)
  test(`the token of ${JSON.stringify(text)}`, () => {
    assert.equal(encodeToken(text), token);
    assert.equal(decodeToken(token), text);
  });

test("subjects keep their layout: what is stored depends on it", () => {
  assert.equal(ledgerSubject(0, bob), "m0.m.bob=2Eb@example=2Eorg");
  assert.equal(recordSubject(3, bob, 2, 77), "m3.r.bob=2Eb@example=2Eorg.2.77");
  assert.equal(folderRecords(3, bob, 2), "m3.r.bob=2Eb@example=2Eorg.2.*");
  assert.equal(deliverySubject(0, "body1", bob, "d-1"), "m0.d.body1.bob=2Eb@example=2Eorg.d-1");
  assert.equal(chunkSubject(1, "body1", 4), "m1.b.body1.4");
});

test("ledger and record subjects tell what they are of", () => {
  assert.equal(mailboxOf(ledgerSubject(0, bob)), bob);
  assert.equal(uidOf(recordSubject(0, bob, 1, 4_294_967_295)), 4_294_967_295);
});

test("a mailbox's stream is stable, and all streams are used", () => {
  assert.equal(shardOf(bob, 1), 0);
  const used = new Set(Array.from({ length: 200 }, (_, i) => shardOf(`user${i}@x.test` as MailboxName, 4)));
  assert.deepEqual([...used].sort(), [0, 1, 2, 3]);
  assert.equal(
    shardOf("alice@example.org" as MailboxName, 4),
    shardOf("alice@example.org" as MailboxName, 4),
  );
});
