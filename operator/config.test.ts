import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig, UnusableConfig } from "./config.ts";

const least = `
name: postfleet
namespace: mail
image: {reference: "postfleet:1"}
nats: {urls: ["nats://postfleet-nats.mail.svc:4222"]}
`;

test("four fields are enough; all else has a value", () => {
  const config = parseConfig(least);
  assert.equal(config.placement, "Shared");
  assert.deepEqual(config.services.imap, {
    enabled: true,
    type: "ClusterIP",
    annotations: {},
    loadBalancerSourceRanges: [],
  });
  assert.deepEqual(config.gateway, { replicas: 2, maxReplicas: 10, resources: {}, podTemplate: {} });
  assert.equal(config.hostname, undefined);
  assert.deepEqual(config.nats.routes, []);
});

test("nobody changes it later, also not deep inside", () => {
  const { services } = parseConfig(least);
  assert.throws(() => Object.assign(services.smtp.annotations, { a: "b" }), TypeError);
});

test("every problem is told at once, with its field", () => {
  const given = `
name: postfleet
namespace: mail
placement: Everywhere
image: {reference: "postfleet:1", digest: x}
nats: {urls: []}
services: {smtp: {nodePorts: {smtp: 0}}}
`;
  assert.throws(
    () => parseConfig(given),
    (error: unknown) => {
      assert.ok(error instanceof UnusableConfig);
      const [, ...lines] = error.message.split("\n");
      assert.deepEqual(lines.map((line) => line.trim()).sort(), [
        "image: there is no field digest",
        "nats.urls: must NOT have fewer than 1 items",
        "placement: choose one of Shared, Namespaced",
        "services.smtp.nodePorts.smtp: must be >= 1",
      ]);
      return true;
    },
  );
});

test("what does not fit together is refused", () => {
  const external = least.replace("nats: {", "nats: {mode: External, ");
  assert.throws(() => parseConfig(external), /nats\.credentialsSecret: name the Secret/);
  assert.throws(
    () => parseConfig(`${least}gateway: {replicas: 20}`),
    /gateway\.maxReplicas: give at least replicas, 20/,
  );
  assert.throws(() => parseConfig("["), /is no YAML/);
});
