import assert from "node:assert/strict";
import { test } from "node:test";
import { completeInstallation, serviceDefaults } from "./installation.ts";

const basics = {
  name: "mail",
  namespace: "post",
  image: { reference: "postfleet:1", pullPolicy: "IfNotPresent", pullSecrets: [] },
  nats: { mode: "Included", urls: ["nats://mail-nats.post.svc:4222"], replicas: 1, routes: [] },
} as const;

test("an installation that says little is two of each, inside the cluster only", () => {
  const { gateway, mailbox, services, placement, hostname } = completeInstallation(basics);
  assert.equal(gateway.replicas, 2);
  assert.equal(mailbox.maxReplicas, 2);
  assert.equal(placement, "Shared");
  assert.equal(hostname, "mail-smtp.post.svc.cluster.local");
  const { mtaSts, ...usual } = services;
  for (const service of Object.values(usual)) assert.deepEqual(service, serviceDefaults);
  assert.equal(mtaSts.enabled, false);
});

test("what is said holds", () => {
  const { hostname, networkPolicies } = completeInstallation({
    ...basics,
    hostname: "mx.example.org",
    networkPolicies: false,
  });
  assert.deepEqual({ hostname, networkPolicies }, { hostname: "mx.example.org", networkPolicies: false });
});
