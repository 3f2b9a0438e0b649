import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { dkimRecord, dkimRecordName, generateDkimKey, parseDkimKey, parseSelector } from "./keys.ts";

test("an Ed25519 key becomes the record of RFC 8463 appendix A", () => {
  // The seed of appendix A.2, in PKCS #8.
  const seed = Buffer.from("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "base64");
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.toString("base64")}\n-----END PRIVATE KEY-----\n`;
  assert.equal(dkimRecord(pem), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
});

for (const [algorithm, kind] of [
  ["rsa-sha256", "rsa"],
  ["ed25519-sha256", "ed25519"],
] as const) {
  test(`a generated ${algorithm} key is read back, and its record holds its public half`, () => {
    const pem = generateDkimKey(algorithm);
    const key = parseDkimKey(pem);
    assert.equal(key.algorithm, algorithm);
    const record = dkimRecord(pem);
    assert.match(record, new RegExp(`^v=DKIM1; k=${kind}; p=[A-Za-z0-9+/]+=*$`));
    const spki = createPublicKey(pem).export({ type: "spki", format: "der" });
    const told = Buffer.from(record.split("p=")[1] ?? "", "base64");
    assert.deepEqual(kind === "rsa" ? spki : spki.subarray(-32), told);
    assert.equal(dkimRecord(key), record);
  });
}

test("a generated RSA key has 2048 bits", () => {
  assert.equal(parseDkimKey(generateDkimKey("rsa-sha256")).key.asymmetricKeyDetails?.modulusLength, 2048);
});

test("a key in the older PKCS #1 form is read too", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const pem = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
  assert.equal(parseDkimKey(pem).algorithm, "rsa-sha256");
});

const pemOf = (key: { export(options: object): string | Buffer }, type: string, more = {}) =>
  key.export({ type, format: "pem", ...more }).toString();
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const short = generateKeyPairSync("rsa", { modulusLength: 512 });
const unusable = [
  ["hello", /no private key in PEM/],
  ["", /no private key in PEM/],
  [pemOf(ec.publicKey, "spki"), /no private key in PEM/],
  [pemOf(ec.privateKey, "pkcs8"), /RSA or Ed25519, not ec/],
  [pemOf(short.privateKey, "pkcs8"), /512 bits: give one of 2048/],
  [pemOf(ec.privateKey, "pkcs8", { cipher: "aes-256-cbc", passphrase: "x" }), /locked with a passphrase/],
  ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", /is damaged/],
] as const;
for (const [pem, words] of unusable) {
  test(`what is no usable key is refused: ${words.source}`, () => {
    assert.throws(() => parseDkimKey(pem), { name: "UnusableDkimKey", message: words });
  });
}

const selectors = [
  ["Postfleet", "postfleet"],
  ["a.b", "a.b"],
  ["2026-11", "2026-11"],
  ["a_b", undefined],
  ["a b", undefined],
  ["", undefined],
  [`${"x".repeat(63)}`, "x".repeat(63)],
  [`${"x".repeat(40)}.${"y".repeat(40)}`, undefined],
] as const;
for (const [text, want] of selectors)
  test(`selector ${JSON.stringify(text)}`, () => assert.equal(parseSelector(text), want));

test("the record lies below _domainkey", () => {
  assert.equal(dkimRecordName("s1", "example.org"), "s1._domainkey.example.org");
});
