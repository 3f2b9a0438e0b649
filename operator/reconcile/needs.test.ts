import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCertificate } from "../../daemon/net/self-signed.ts";
import { domainNeeds } from "./needs.ts";
import type { MailDomain } from "./resources.ts";

const spec = {
  dkim: { selector: "s", algorithms: [], retention: "7d" },
  tls: { secretName: "a-tls" },
};
const domain = {
  kind: "MailDomain",
  metadata: { name: "a", namespace: "ns" },
  spec,
} as unknown as MailDomain;
const check = (texts: { cert: string; key: string }) =>
  domainNeeds(domain)[0]?.check?.(
    new Map([
      ["tls.crt", texts.cert],
      ["tls.key", texts.key],
    ]),
  );

test("a certificate that is out of date, or is none, is a fault of its Secret", () => {
  const now = Date.now();
  assert.equal(check(makeCertificate(["mx.a.test"], now)), undefined);
  assert.match(
    check(makeCertificate(["mx.a.test"], now - 500 * 86_400_000)) ?? "",
    /expired at .*; have it renewed/,
  );
  assert.match(check({ cert: "x", key: "y" }) ?? "", /tls\.crt is no certificate/);
});
