import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { aDomain, aMailbox, aPolicy } from "../../../test/harness/declare.ts";
import type { Declared } from "../../directory/declared.ts";
import { stableJson } from "./known.ts";
import { decode, decodeRevision, encode, encodeRevision, subjectOf } from "./record.ts";
import { Vault } from "./vault.ts";

const vault = new Vault([randomBytes(32)]);
const everything: readonly Declared[] = [
  aDomain("example.test", { aliases: { sales: ["a@example.test"] }, catchAll: "a@example.test" }),
  { ...aDomain("signed.test"), dkim: [{ selector: "s", privateKey: "DKIM-KEY" }] },
  {
    ...aDomain("tls.test"),
    dkim: [{ selector: "s", privateKey: "DKIM-KEY" }],
    tls: { cert: "TLS-CERT", key: "TLS-KEY" },
  },
  aMailbox("a@example.test", { passwordHash: "$argon2id$x", quota: "1Gi" }),
  { ...aDomain("leaving.test"), source: "generation 3", draining: true },
  aMailbox("b@example.test"),
  aMailbox("c@example.test", { passwordHash: "$argon2id$x", scram: "SCRAM-SHA-256$4096:a$b:c" }),
  aPolicy({}, { credentials: { "s/u/p": { username: "u", password: "p\u00e4ss" } } }),
  aPolicy({}, { name: "bulk" }),
  { ...aPolicy({}, { name: "told" }), hookSecrets: { crm: "HOOK-KEY" } },
  { ...aDomain("told.test"), hookSecrets: { crm: "HOOK-KEY" } },
  { ...aDomain("screened.test"), filterSecrets: { "rspamd/password": "FILTER-KEY" } },
];

for (const one of everything) {
  test(`${subjectOf(one)} comes back as it was`, () => {
    const decoded = decode(subjectOf(one), encode(one, vault), vault);
    assert.deepEqual(decoded?.declared, one);
    assert.equal(decoded?.locked, false);
  });
}

test("no key lies open in a record", () => {
  for (const one of everything.filter(({ kind }) => kind !== "Mailbox"))
    assert.doesNotMatch(Buffer.from(encode(one, vault)).toString(), /-KEY/);
});

test("the largest resource that Kubernetes takes fits into a message", () => {
  const to = (i: number) =>
    Array.from({ length: 20 }, (_, j) => `someone-${(i * 7919 + j * 104_729) % 99_991}@example.test`);
  const aliases = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`a${i}`, to(i)]));
  const domain = aDomain("example.test", { aliases });
  assert.ok(JSON.stringify(domain).length > 500_000);
  const record = encode(domain, vault);
  assert.ok(record.length < 300_000, `${record.length}`);
  assert.deepEqual(decode(subjectOf(domain), record, vault)?.declared, domain);
});

test("a gzip stream that swells is no record", () => {
  assert.equal(
    decode(subjectOf(aDomain("example.test")), gzipSync(Buffer.alloc(64 << 20)), vault),
    undefined,
  );
});

test("a spec that was changed under its seal is no record", () => {
  const [domain] = everything as [Declared];
  const text = Buffer.from(encode(domain, vault)).toString();
  assert.ok(decode(subjectOf(domain), Buffer.from(text), vault));
  const changed = text.replace('"catchAll":"a@example.test"', '"catchAll":"m@example.test"');
  assert.notEqual(changed, text);
  assert.equal(decode(subjectOf(domain), Buffer.from(changed), vault), undefined);
});

test("a record under another key is none", () => {
  const [domain, alice] = everything;
  assert.ok(domain && alice);
  assert.equal(decode(subjectOf(alice), encode(domain, vault), vault), undefined);
  const renamed = { ...alice, name: "other" };
  assert.equal(decode(subjectOf(renamed), encode(alice, vault), vault), undefined);
});

test("a sealed part that is moved to another mailbox makes no record there", () => {
  const alice = aMailbox("a@example.test", { passwordHash: "$argon2id$alice" });
  const mallory = aMailbox("m@example.test", { passwordHash: "$argon2id$mallory" });
  const read = (one: Declared) => JSON.parse(Buffer.from(encode(one, vault)).toString());
  const forged = Buffer.from(JSON.stringify({ ...read(alice), sealed: read(mallory).sealed }));
  assert.equal(decode(subjectOf(alice), forged, vault), undefined);
});

test("whatever lies in the bucket, reading it does not fail", () => {
  const subject = subjectOf(aDomain("example.test"));
  const almost = fc.record({
    v: fc.constantFrom(1, 2),
    kind: fc.constantFrom("MailDomain", "Odd", 5),
    spec: fc.jsonValue(),
  });
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.json().map((text) => Buffer.from(text)),
    almost.map((one) => Buffer.from(JSON.stringify({ ...one, namespace: 5, name: "x" }))),
    almost.map((one) => gzipSync(JSON.stringify(one))),
  );
  fc.assert(
    fc.property(bytes, (data) => {
      assert.equal(decode(subject, data, vault), undefined);
      const revision = decodeRevision(data);
      assert.ok(revision === undefined || Number.isSafeInteger(revision.revision));
    }),
  );
});

test("a revision comes back as it was", () => {
  assert.deepEqual(decodeRevision(encodeRevision({ revision: 7, entries: 3 })), { revision: 7, entries: 3 });
});

test("stable JSON is the same for the same value, and differs for another", () => {
  const value = fc.jsonValue();
  const shuffled = (one: unknown): unknown =>
    Array.isArray(one)
      ? one.map(shuffled)
      : typeof one === "object" && one !== null
        ? Object.fromEntries(
            Object.entries(one)
              .reverse()
              .map(([key, inner]) => [key, shuffled(inner)]),
          )
        : one;
  fc.assert(
    fc.property(value, value, (one, other) => {
      assert.equal(stableJson(shuffled(one)), stableJson(one));
      if (stableJson(one) === stableJson(other))
        assert.deepEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)));
    }),
  );
});
