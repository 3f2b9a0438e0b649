/**
 * Golden files for what the operator applies, `manifests/*.yaml`. `UPDATE_GOLDEN=1` writes them anew; read the difference
 * before it is committed: every change of a pod template rolls every daemon of every installation.
 */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { stringify } from "yaml";
import { certificate } from "../../operator/desired/certificate.ts";
import { dnsEndpoint } from "../../operator/desired/dns-endpoint.ts";
import { podDefaults } from "../../operator/desired/installation.ts";
import { daemonSecret, keysSecret, natsAuthSecret } from "../../operator/desired/secret.ts";
import { gatewaySet, mailboxSet, relaySet, tenant } from "../../operator/desired/sets.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { anInstallation, aRelayPolicy, aSet, owner, services } from "../harness/installation.ts";

const folder = new URL("manifests/", import.meta.url);
const plain = anInstallation();
const release = { namespace: "postfleet", owner: owner("Deployment", "mail-operator") };
const shop = { namespace: "shop" };
const shopDomain = owner("MailDomain", "example");

const exposed = anInstallation({
  image: { reference: "registry.example/postfleet:1.2.3", pullPolicy: "Always", pullSecrets: ["registry"] },
  nats: {
    mode: "External",
    urls: ["tls://a.nats.example:4222", "tls://b.nats.example:5222"],
    replicas: 1,
    routes: [],
    caSecret: "nats-ca",
    credentialsSecret: "nats-user",
  },
  gateway: aSet({
    replicas: 3,
    maxReplicas: 9,
    graceSeconds: 120,
    resources: { requests: { cpu: 1, memory: "1Gi" }, limits: { memory: "2Gi" } },
    podTemplate: { nodeSelector: { pool: "mail" }, priorityClassName: "mail", labels: { team: "post" } },
  }),
  services: services(
    {
      type: "LoadBalancer",
      annotations: { "lb.example/ip": "192.0.2.25" },
      loadBalancerClass: "example.org/lb",
      loadBalancerIP: "192.0.2.25",
      loadBalancerSourceRanges: ["0.0.0.0/0"],
    },
    {
      submission: { type: "NodePort", externalTrafficPolicy: "Cluster", nodePorts: { submissions: 30465 } },
      pop3: { enabled: false },
      mtaSts: { enabled: true },
    },
  ),
  tls: { secretName: "mail-tls" },
  trustedProxies: ["10.0.0.0/8", "2001:db8::/32"],
  listenAddress: "::",
  daemonResolvers: ["127.0.0.1"],
  networkPolicies: false,
});

const customized = aRelayPolicy(
  {
    route: { smarthost: { host: "smtp.provider.example", port: 2587, tls: "Require" } },
    autoscaling: { mode: "None" },
    replicas: 4,
    podTemplate: {
      labels: { team: "bulk", "app.kubernetes.io/name": "not-ours" },
      annotations: { "prometheus.io/scrape": "true" },
      resources: { limits: { memory: "1Gi" } },
      tolerations: [{ key: "mail", operator: "Exists", effect: "NoSchedule" }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [],
      env: [
        { name: "TZ", value: "UTC" },
        { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      ],
      imagePullSecrets: [{ name: "mirror" }],
      terminationGracePeriodSeconds: 600,
      hostNetwork: true,
      sidecars: [{ name: "proxy", image: "proxy:1", args: ["--port", "9000"] }],
      volumes: [{ name: "cache", emptyDir: {} }],
    },
  },
  "bulk.out",
);

const cases: Readonly<Record<string, readonly KubeObject[]>> = {
  "shared-gateway": gatewaySet(plain, release),
  "shared-mailbox": mailboxSet(plain, release),
  "exposed-gateway": gatewaySet(exposed, release),
  "exposed-mailbox": mailboxSet(exposed, release),
  "namespaced-gateway": gatewaySet(anInstallation({ placement: "Namespaced" }), shop),
  tenant: [...tenant(plain, shop), ...tenant(plain, release)],
  relay: relaySet(plain, aRelayPolicy(), [24]),
  "relay-customized": relaySet(
    anInstallation({
      smtpPort: 2526,
      relay: { ...podDefaults, podTemplate: { labels: { tier: "out" }, env: [{ name: "TZ", value: "CET" }] } },
    }),
    customized,
  ),
  "relay-hpa": relaySet(plain, aRelayPolicy({ autoscaling: { mode: "HPA", max: 30, stabilization: "2h" } })),
  "relay-hpa-cpu": relaySet(plain, aRelayPolicy({ autoscaling: { mode: "HPA", metric: "Cpu" } })),
  "relay-keda": relaySet(plain, aRelayPolicy({ autoscaling: { mode: "KEDA", min: 0 } })),
  secrets: [
    daemonSecret(plain, shop, { creds: "creds", directoryKey: new Uint8Array([0, 255]), ca: "ca" }),
    daemonSecret(plain, release, { creds: "creds", directoryKey: new Uint8Array([1]) }),
    keysSecret(plain, release.owner, { "account.seed": "seed", "directory.key": new Uint8Array([2]) }),
    natsAuthSecret(plain, release.owner, "operator: jwt"),
  ],
  "cert-manager": [
    certificate(plain, {
      namespace: "shop",
      name: "example",
      hostnames: ["mail.example.org", "mx2.example.org"],
      issuerRef: { name: "letsencrypt", kind: "ClusterIssuer", group: "cert-manager.io" },
      owner: shopDomain,
    }),
  ],
  "external-dns": [
    dnsEndpoint(plain, {
      namespace: "shop",
      name: "example",
      records: [
        { type: "MX", name: "example.org", value: "10 mail.example.org" },
        { type: "MX", name: "example.org", value: "20 mx2.example.org" },
        { type: "TXT", name: "example.org", value: "v=spf1 mx -all" },
        { type: "TLSA", name: "_25._tcp.mail.example.org", value: "3 1 1 ab" },
      ],
      owner: shopDomain,
    }) ?? assert.fail(),
  ],
};

for (const [name, objects] of Object.entries(cases)) {
  test(`manifests of ${name}`, async () => {
    const text = objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join("---\n");
    const golden = new URL(`${name}.yaml`, folder);
    if (process.env["UPDATE_GOLDEN"]) {
      await mkdir(folder, { recursive: true });
      await writeFile(golden, text);
    }
    assert.equal(text, await readFile(golden, "utf8"));
  });
}
