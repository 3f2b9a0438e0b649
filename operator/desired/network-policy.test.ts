import assert from "node:assert/strict";
import { test } from "node:test";
import { anInstallation, aRelayPolicy, at, services } from "../../test/harness/installation.ts";
import { relayNetworkPolicy, setNetworkPolicy } from "./network-policy.ts";

interface Rule {
  readonly from?: unknown;
  readonly to?: unknown;
  readonly ports: readonly { readonly port: number; readonly protocol: string }[];
}

const here = { namespace: "postfleet" };
const smarthost = { host: "smtp.example", port: 587, tls: "Require" } as const;
const portsOf = (rules: readonly Rule[]) => rules.map(({ ports }) => ports.map(({ port }) => port));

test("mail comes from anywhere, health and metrics only from the cluster", () => {
  const rules: readonly Rule[] = at(setNetworkPolicy(anInstallation(), "gateway", here), "spec.ingress");
  assert.deepEqual(portsOf(rules), [[2465, 2525, 2587], [8025]]);
  assert.equal(rules[0]?.from, undefined);
  assert.deepEqual(rules[1]?.from, [{ namespaceSelector: {} }]);
});

test("a relay lets nobody in but for its health, and goes where its policy sends", () => {
  const policy = aRelayPolicy({
    route: { smarthost },
    destinations: [{ match: "example.org", route: { smarthost: { ...smarthost, port: 2587 } } }],
  });
  const object = relayNetworkPolicy(anInstallation(), policy, [24, 24]);
  assert.deepEqual(portsOf(at(object, "spec.ingress")), [[8025]]);
  assert.deepEqual(portsOf(at(object, "spec.egress")).at(-1), [24, 25, 587, 2587]);
});

test("NATS of ours is reached at its pods, another one at its port", () => {
  const [ours] = at(setNetworkPolicy(anInstallation(), "mailbox", here), "spec.egress") as Rule[];
  assert.match(JSON.stringify(ours?.to), /"app.kubernetes.io\/component":"nats"/);
  const nats = {
    mode: "External",
    urls: ["tls://a:4222", "tls://b:5222", "tls://c"],
    replicas: 1,
    routes: [],
  } as const;
  const [theirs] = at(setNetworkPolicy(anInstallation({ nats }), "mailbox", here), "spec.egress") as Rule[];
  assert.equal(theirs?.to, undefined);
  assert.deepEqual(portsOf(theirs ? [theirs] : []), [[4222, 5222]]);
});

test("nothing is opened for a service that is not enabled", () => {
  const off = anInstallation({ services: services({ enabled: false }) });
  assert.deepEqual(portsOf(at(setNetworkPolicy(off, "mailbox", here), "spec.ingress")), [[8025]]);
});

test("content filters are reached by gateways alone", () => {
  const place = { ...here, filterPorts: [11333, 7357] };
  const last = (component: "gateway" | "mailbox") => {
    const rules: readonly Rule[] = at(setNetworkPolicy(anInstallation(), component, place), "spec.egress");
    return portsOf(rules).at(-1);
  };
  assert.deepEqual(last("gateway"), [443, 7357, 11333]);
  assert.deepEqual(last("mailbox"), [443]);
});

test("an OIDC issuer on a port of its own is reached", () => {
  const place = { ...here, webPorts: [8443, 443] };
  const rules: readonly Rule[] = at(setNetworkPolicy(anInstallation(), "gateway", place), "spec.egress");
  assert.deepEqual(portsOf(rules).at(-1), [443, 8443]);
});
