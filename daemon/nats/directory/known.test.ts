import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { aDomain } from "../../../test/harness/declare.ts";
import { KnownRecords } from "./known.ts";
import { encode, encodeRevision, revisionOf, revisionSubject, subjectOf } from "./record.ts";
import { Vault } from "./vault.ts";

const domain = aDomain("a.test");
const subject = subjectOf(domain);

function open() {
  const vault = new Vault([randomBytes(32)]);
  const known = new KnownRecords(vault);
  let sequence = 0;
  const take = (at: string, data: Uint8Array) =>
    known.take({ subject: at, sequence: ++sequence, data, forged: false } as Parameters<
      typeof known.take
    >[0]);
  const revise = (revision: number, entries = 1) => {
    take(revisionOf(domain.namespace), encodeRevision({ revision, entries }));
    take(revisionSubject, encodeRevision({ revision, entries }));
  };
  return {
    vault,
    take,
    revise,
    since: () => known.get(subject)?.since,
    at: () => known.get(subject)?.revision,
  };
}

test("a record is known from the revision on that covers it, whatever is written of it since", () => {
  const { vault, take, revise, since, at } = open();
  take(subject, encode(domain, vault));
  assert.equal(since(), undefined, "no revision tells daemons of it yet");
  revise(7);
  assert.equal(since(), 7);
  take(subject, encode({ ...domain, draining: true }, vault));
  assert.deepEqual([since(), at()], [7, undefined], "they know the former state");
  revise(8);
  assert.deepEqual([since(), at()], [7, 8]);
});

test("what was removed is known anew with the revision that brings it back", () => {
  const { vault, take, revise, since } = open();
  take(subject, encode(domain, vault));
  revise(7);
  take(subject, new Uint8Array());
  revise(8, 0);
  assert.equal(since(), undefined);
  take(subject, encode(domain, vault));
  revise(9);
  assert.equal(since(), 9);
});

test("daemons know what is sealed with a key that we do not have, and nothing of what is no record", () => {
  for (const [data, wanted] of [
    [encode(domain, new Vault([randomBytes(32)])), 7],
    [Buffer.from("garbled"), undefined],
  ] as const) {
    const { take, revise, since } = open();
    take(subject, data);
    revise(7);
    assert.equal(since(), wanted);
  }
});
