import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, at, owner } from "../../test/harness/installation.ts";
import { daemonSecret, dkimSecret } from "./secret.ts";

test("octets and text are encoded as the API server takes them", () => {
  const directoryKey = new Uint8Array([0, 255, 10]);
  const object = daemonSecret(anInstallation(), { namespace: "shop" }, { creds: "gr\u00fcn", directoryKey });
  assert.deepEqual(at(object, "data"), { "user.creds": "Z3LDvG4=", "directory.key": "AP8K" });
  assert.equal(object.metadata.name, "postfleet-daemon");
  assert.equal(object.metadata.ownerReferences, undefined);
});

test("DKIM keys go with their MailDomain", () => {
  const object = dkimSecret(
    anInstallation(),
    { namespace: "shop", name: "example" },
    owner("MailDomain", "example"),
    { "postfleet.pem": "pem" },
  );
  assert.equal(object.metadata.name, "example-dkim");
  assert.equal(object.metadata.ownerReferences?.[0]?.name, "example");
});
