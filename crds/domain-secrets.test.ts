import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { stringify } from "yaml";
import { generateDkimKey } from "../daemon/mail/dkim/keys.ts";
import { makeCertificate } from "../daemon/net/self-signed.ts";
import { formatProblem } from "./problem.ts";
import { validate } from "./validate.ts";

const rsa = generateDkimKey("rsa-sha256");
const ed25519 = generateDkimKey("ed25519-sha256");
const pair = makeCertificate(["mx.example.test"], Date.now());
const old = makeCertificate(["mx.example.test"], Date.now() - 500 * 86_400_000);
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
  type: "pkcs8",
  format: "pem",
});

async function told(spec: object, stringData: Record<string, string>): Promise<readonly string[]> {
  const domain = {
    apiVersion: "mail.postfleet.dev/v1alpha1",
    kind: "MailDomain",
    metadata: { name: "d" },
    spec: { domain: "example.test", ...spec },
  };
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData };
  const text = [domain, secret].map((document) => stringify(document)).join("---\n");
  const { problems } = await validate([{ file: "m.yaml", text }]);
  return problems.map(formatProblem);
}

const tls = { tls: { secretName: "s" } };
const dkim = { dkim: { secretRef: { name: "s" } } };
const place = (field: string) => `m.yaml:\\d+: MailDomain default/d: ${field.replaceAll(".", "\\.")}: `;
const atTls = place("spec.tls.secretName");
const atDkim = place("spec.dkim.secretRef.name");

const table = [
  { name: "a good certificate", spec: tls, data: { "tls.crt": pair.cert, "tls.key": pair.key }, says: [] },
  {
    name: "no such Secret",
    spec: { tls: { secretName: "t" } },
    data: {},
    says: [`${atTls}there is no Secret t in namespace default; add it`],
  },
  {
    name: "a Secret of another kind",
    spec: tls,
    data: { password: "x" },
    says: [`${atTls}Secret s must have the keys tls.crt and tls.key \\(its keys: password\\)`],
  },
  {
    name: "an expired certificate",
    spec: tls,
    data: { "tls.crt": old.cert, "tls.key": old.key },
    says: [`${atTls}Secret s: the certificate expired at .*; have it renewed`],
  },
  {
    name: "the key of another",
    spec: tls,
    data: { "tls.crt": pair.cert, "tls.key": old.key },
    says: [`${atTls}Secret s: tls.key does not belong`],
  },
  {
    name: "good keys, and former ones",
    spec: dkim,
    data: { "postfleet.pem": rsa, "postfleet-ed25519.pem": ed25519, "before.pem": rsa, note: "x" },
    says: [],
  },
  {
    name: "no such Secret of keys",
    spec: { dkim: { secretRef: { name: "t" } } },
    data: {},
    says: [`${atDkim}there is no Secret t`],
  },
  {
    name: "one algorithm only",
    spec: { dkim: { secretRef: { name: "s" }, algorithms: ["Ed25519"] } },
    data: { "postfleet-ed25519.pem": ed25519 },
    says: [],
  },
  {
    name: "a key that is missing",
    spec: dkim,
    data: { "postfleet.pem": rsa },
    says: [`${atDkim}Secret s has no key postfleet-ed25519.pem; add it`],
  },
  {
    name: "keys that are mixed up",
    spec: dkim,
    data: { "postfleet.pem": ed25519, "postfleet-ed25519.pem": ed25519 },
    says: [`${atDkim}Secret s: key postfleet.pem is of type ed25519; put one of type rsa there`],
  },
  {
    name: "a former key that is none",
    spec: dkim,
    data: { "postfleet.pem": rsa, "postfleet-ed25519.pem": ed25519, "a.pem": "x", "b.pem": ec.toString() },
    says: [`${atDkim}Secret s: key a.pem is no private key`, `${atDkim}Secret s: key b.pem is of type ec`],
  },
] as const;

for (const { name, spec, data, says } of table) {
  test(`a MailDomain's Secrets: ${name}`, async () => {
    const problems = await told(spec, data);
    assert.equal(problems.length, says.length, problems.join("\n"));
    for (const [i, want] of says.entries()) assert.match(problems[i] ?? "", new RegExp(`^${want}`));
  });
}
