import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  childName,
  daemonSecretName,
  labelValue,
  relayName,
  selectorOf,
  selectorText,
  serviceName,
  setName,
} from "./names.ts";

const shared = { name: "mail", namespace: "post", placement: "Shared" } as const;
const apart = { ...shared, placement: "Namespaced" } as const;

test("sets and Services are named after the release, or the same in every namespace", () => {
  assert.equal(setName(shared, "gateway"), "mail-gateway");
  assert.equal(setName(apart, "mailbox"), "postfleet-mailbox");
  assert.equal(serviceName(shared, "imap"), "mail-imap");
  assert.equal(serviceName(apart, "smtp"), "postfleet-smtp");
});

test("daemons outside the release namespace have a Secret of their own", () => {
  assert.equal(daemonSecretName(shared, "post"), "mail-daemon");
  assert.equal(daemonSecretName(shared, "shop"), "postfleet-daemon");
});

test("a relay is named after its policy; with dots, it stays a host name and unique", () => {
  assert.equal(relayName("default"), "default-relay");
  assert.match(relayName("bulk.out"), /^bulk-out-[0-9a-f]{10}-relay$/);
  assert.notEqual(relayName("bulk.out"), relayName("bulk-out"));
  assert.notEqual(relayName("bulk.out"), relayName("bulk..out"));
});

const resourceName = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/);

test("names fit where they are used, whatever the resource is called", () => {
  fc.assert(
    fc.property(resourceName, (name) => {
      const relay = relayName(name);
      assert.match(relay, /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
      assert.ok(relay.length <= 46, relay);
      assert.match(labelValue(name), /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/);
      assert.ok(childName(name, "-dkim").length <= 253);
    }),
  );
});

test("different names stay different when they are cut", () => {
  fc.assert(
    fc.property(resourceName, resourceName, (one, other) => {
      fc.pre(one !== other);
      assert.notEqual(relayName(one), relayName(other));
      assert.notEqual(labelValue(one), labelValue(other));
    }),
  );
});

test("a selector is written as the API server reads it", () => {
  assert.equal(
    selectorText(selectorOf(shared, "relay", "default")),
    "app.kubernetes.io/name=postfleet,app.kubernetes.io/instance=mail," +
      "app.kubernetes.io/component=relay,mail.postfleet.dev/policy=default",
  );
});
