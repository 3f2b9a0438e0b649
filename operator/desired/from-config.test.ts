import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../config.ts";
import { installationOf } from "./from-config.ts";
import { serviceDefaults } from "./installation.ts";

test("the configuration of the chart is taken over, resource by resource", () => {
  const installation = installationOf(
    parseConfig(`
name: mail
namespace: post
hostname: mx.example.org
image: {reference: "postfleet:1"}
nats: {urls: ["nats://mail-nats.post.svc:4222"], replicas: 3, store: 17179869184, routes: ["mail-nats-0:6222"]}
gateway: {replicas: 3, resources: {limits: {memory: 1Gi}}, podTemplate: {nodeSelector: {pool: mail}}}
services: {smtp: {type: LoadBalancer, loadBalancerClass: x/y}, pop3: {enabled: false}}
tls: {secretName: mail-tls}
proxyProtocol: {trustedCidrs: [10.0.0.0/8]}
dns: {servers: [192.0.2.53]}
events: {retention: 2d, size: 2Gi, keep: true}
webhooks: {networks: [10.1.0.0/16]}
`),
  );
  assert.partialDeepStrictEqual(installation, {
    hostname: "mx.example.org",
    nats: { mode: "Included", replicas: 3, store: 17_179_869_184 },
    gateway: {
      replicas: 3,
      maxReplicas: 10,
      resources: { requests: { cpu: "100m", memory: "192Mi" }, limits: { memory: "1Gi" } },
      podTemplate: { nodeSelector: { pool: "mail" } },
    },
    trustedProxies: ["10.0.0.0/8"],
    dnsServers: ["192.0.2.53"],
    events: { ageMs: 172_800_000, bytes: 2 * 2 ** 30, keep: true },
    webhookNetworks: ["10.1.0.0/16"],
    tls: { secretName: "mail-tls" },
    listenAddress: "0.0.0.0",
  });
  const { smtp, imap, pop3 } = installation.services;
  assert.deepEqual(smtp, { ...serviceDefaults, type: "LoadBalancer", loadBalancerClass: "x/y" });
  assert.deepEqual(imap, serviceDefaults);
  assert.equal(pop3.enabled, false);
});
