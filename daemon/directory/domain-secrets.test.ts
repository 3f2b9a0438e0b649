import assert from "node:assert/strict";
import { test } from "node:test";
import { domainSecrets } from "./domain-secrets.ts";

const dkim = { selector: "new", algorithms: ["Rsa2048", "Ed25519"] as const, retention: "7d" };
const data = new Map([
  ["new.pem", "1"],
  ["new-ed25519.pem", "2"],
  ["old.pem", "3"],
  ["a-note", "4"],
  ["tls.crt", "5"],
  ["tls.key", "6"],
]);
const read = (name: string) => (name === "s" ? data : undefined);

test("keys of the current selector are the newest", () => {
  assert.deepEqual(domainSecrets({ dkim: { ...dkim, secretRef: { name: "s" } } }, read), {
    dkim: [
      { selector: "old", privateKey: "3" },
      { selector: "new", privateKey: "1" },
      { selector: "new-ed25519", privateKey: "2" },
    ],
  });
});

test("a certificate is its two texts", () => {
  assert.deepEqual(domainSecrets({ dkim, tls: { secretName: "s" } }, read), { tls: { cert: "5", key: "6" } });
});

const nothing = [
  { dkim },
  { dkim: { ...dkim, secretRef: { name: "t" } }, tls: { secretName: "t" } },
  {
    dkim: { ...dkim, algorithms: [], secretRef: { name: "s" } },
    tls: { issuerRef: { name: "i", kind: "Issuer", group: "cert-manager.io" } },
  },
];
for (const spec of nothing)
  test(`nothing is read for ${JSON.stringify(spec)}`, () => assert.deepEqual(domainSecrets(spec, read), {}));
