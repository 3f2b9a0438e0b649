import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, at } from "../../test/harness/installation.ts";
import { daemonSecret } from "./secret.ts";

test("octets and text are encoded as the API server takes them", () => {
  const directoryKey = new Uint8Array([0, 255, 10]);
  const object = daemonSecret(anInstallation(), { namespace: "shop" }, { creds: "gr\u00fcn", directoryKey });
  assert.deepEqual(at(object, "data"), { "user.creds": "Z3LDvG4=", "directory.key": "AP8K" });
  assert.equal(object.metadata.name, "postfleet-daemon");
  assert.equal(object.metadata.ownerReferences, undefined);
});
