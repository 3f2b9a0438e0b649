import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, at, owner } from "../../test/harness/installation.ts";
import { certificate } from "./certificate.ts";

test("the certificate names the hosts, lies in a Secret after the MailDomain, and goes with it", () => {
  const object = certificate(anInstallation(), {
    namespace: "shop",
    name: "example",
    hostnames: ["mail.example.org"],
    issuerRef: { name: "ca", kind: "Issuer", group: "cert-manager.io" },
    owner: owner("MailDomain", "example"),
  });
  assert.equal(at(object, "spec.secretName"), "example-tls");
  assert.deepEqual(at(object, "spec.dnsNames"), ["mail.example.org"]);
  assert.equal(object.metadata.ownerReferences?.[0]?.kind, "MailDomain");
});
