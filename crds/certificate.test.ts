import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { makeCertificate } from "../daemon/net/self-signed.ts";
import { authoritiesFault, certificateFault, serverNames } from "./certificate.ts";

const now = Date.UTC(2026, 10, 29);
const day = 86_400_000;
const good = makeCertificate(["mx.example.test", "*.Example.test", "192.0.2.1"], now);
const other = makeCertificate(["mx.example.test"], now);

const table = [
  { name: "a pair that fits", texts: good, at: now, says: undefined },
  {
    name: "no certificate",
    texts: { ...good, cert: "hello" },
    at: now,
    says: /tls\.crt is no certificate in PEM/,
  },
  { name: "no key", texts: { ...good, key: good.cert }, at: now, says: /tls\.key is no private key in PEM/ },
  { name: "the key of another", texts: { ...good, key: other.key }, at: now, says: /does not belong/ },
  {
    name: "the chain before the certificate",
    texts: { ...good, cert: other.cert + good.cert },
    at: now,
    says: /does not belong/,
  },
  { name: "its chain behind it", texts: { ...good, cert: good.cert + other.cert }, at: now, says: undefined },
  { name: "only an address", texts: makeCertificate(["192.0.2.1"], now), at: now, says: /names no server/ },
  {
    name: "too late",
    texts: good,
    at: now + 398 * day,
    says: /expired at 2027-12-31T00:00:00Z; have it renewed/,
  },
  { name: "too early", texts: good, at: now - 2 * day, says: /not valid before 2026-11-28T00:00:00Z/ },
] as const;
for (const { name, texts, at, says } of table) {
  test(`a certificate: ${name}`, () => {
    const fault = certificateFault(texts, at);
    if (says === undefined) assert.equal(fault, undefined);
    else assert.match(fault ?? "", says);
  });
}

test("its names: DNS names in lower case, nothing else", () => {
  assert.deepEqual(serverNames(new X509Certificate(good.cert)), ["mx.example.test", "*.example.test"]);
});

test("authorities: each must be a certificate, whatever stands between them", () => {
  assert.equal(authoritiesFault(`# ours\n${good.cert}# theirs\n${other.cert}`), undefined);
  const broken = `${good.cert}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`;
  assert.match(authoritiesFault(broken) ?? "", /^certificate 2 cannot be read; copy it anew/);
  assert.match(authoritiesFault(good.cert.slice(0, 200)) ?? "", /^certificate 1 cannot be read/);
});
