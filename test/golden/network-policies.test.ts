/**
 * What the network policies of a default installation let through, those of the chart and those of the operator together:
 * no cluster of the tests enforces them.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../operator/kube/object.ts";
import { defaultInstallation } from "../harness/default-installation.ts";
import { at } from "../harness/installation.ts";
import { allowed, type NetworkPolicy, type Party } from "../harness/network.ts";
import { root } from "../harness/source.ts";

const { installation, chart, made } = defaultInstallation();
// The console is off by default: it stands beside as its own values render it.
const console_ = parseAllDocuments(readFileSync(join(root, "test/golden/chart/console.yaml"), "utf8"))
  .flatMap((each) => (each.toJS() as KubeObject | null) ?? [])
  .filter(({ metadata }) => metadata.name === "postfleet-console");
const objects = [...chart, ...made, ...console_];
const policies = objects.filter((each) => each?.kind === "NetworkPolicy") as unknown as NetworkPolicy[];

/** A pod as its Deployment or StatefulSet makes it. */
function podOf(name: string): Party {
  const workload = objects.find(
    (each) => /^(Deployment|StatefulSet)$/.test(each?.kind ?? "") && each.metadata.name === name,
  );
  const containers = at(workload, "spec.template.spec.containers") as {
    ports?: { name: string; containerPort: number }[];
  }[];
  return {
    kind: "pod",
    namespace: workload?.metadata.namespace ?? "",
    labels: at(workload, "spec.template.metadata.labels"),
    ports: Object.fromEntries(
      containers.flatMap(({ ports = [] }) => ports.map((port) => [port.name, port.containerPort])),
    ),
  };
}

const other = (namespace: string, labels: Record<string, string> = {}): Party => ({
  kind: "pod",
  namespace,
  labels,
});
const [nats, gateway, mailbox, relay, operator, consolePod] = [
  podOf("postfleet-nats"),
  podOf("postfleet-gateway"),
  podOf("postfleet-mailbox"),
  podOf("default-relay"),
  podOf("postfleet-operator"),
  podOf("postfleet-console"),
];
const world: Party = { kind: "world" };
const stranger = other("shop");
const neighbour = other(installation.namespace);
const otherRelease = other("shop", { "app.kubernetes.io/name": "postfleet", "app.kubernetes.io/instance": "x" });
const resolver = other("kube-system", { "k8s-app": "kube-dns" });

const table: readonly (readonly [what: string, from: Party, to: Party, port: number, may: boolean])[] = [
  ["a gateway comes to NATS", gateway, nats, 4222, true],
  ["a mailbox pod comes to NATS", mailbox, nats, 4222, true],
  ["a relay of another namespace comes to NATS", relay, nats, 4222, true],
  ["the operator comes to NATS", operator, nats, 4222, true],
  ["replicas of NATS come to each other", nats, nats, 6222, true],
  ["a stranger comes to NATS", stranger, nats, 4222, false],
  ["another installation comes to NATS", otherRelease, nats, 4222, false],
  ["the world comes to NATS", world, nats, 4222, false],
  ["a relay joins the replicas of NATS", relay, nats, 6222, false],
  ["a stranger looks at NATS's monitoring", stranger, nats, 8222, false],
  ["a collector in the release namespace looks at it", neighbour, nats, 8222, true],
  ["NATS goes into the world", nats, world, 443, false],
  ["the world sends mail to a gateway", world, gateway, 2525, true],
  ["the world reads mail", world, mailbox, 2993, true],
  ["a mail program of the cluster submits", stranger, gateway, 2587, true],
  ["the world reads metrics", world, gateway, 8025, false],
  ["a collector reads metrics", stranger, gateway, 8025, true],
  ["the world speaks to a relay", world, relay, 2525, false],
  ["a relay sends to MX hosts", relay, world, 25, true],
  ["a relay sends to its smarthost", relay, world, 587, true],
  ["a relay goes anywhere else", relay, world, 8080, false],
  ["a gateway sends mail by itself", gateway, world, 25, false],
  ["a gateway fetches policies and keys", gateway, world, 443, true],
  ["a gateway asks a content filter that a domain names", gateway, stranger, 7357, true],
  ["a mailbox pod asks one", mailbox, stranger, 7357, false],
  ["a gateway comes to what no domain names", gateway, stranger, 11333, false],
  ["the operator is asked how it is", stranger, operator, 8025, true],
  ["an ingress controller or a collector comes to the console", stranger, consolePod, 8025, true],
  ["the world comes to the console", world, consolePod, 8025, false],
  ["the console comes to NATS", consolePod, nats, 4222, true],
  ["the console joins the replicas of NATS", consolePod, nats, 6222, false],
  ["the console comes to the OpenID provider", consolePod, world, 8443, true],
  ["the console fetches policies of others", consolePod, world, 443, true],
  ["the console sends mail", consolePod, world, 25, false],
  ["the console reads mail", consolePod, mailbox, 2993, false],
];

for (const [what, from, to, port, may] of table)
  test(`${what}: ${may ? "yes" : "no"}`, () => assert.equal(allowed({ from, to, port }, policies), may));

for (const [name, pod] of Object.entries({ nats, gateway, mailbox, relay, console: consolePod }))
  for (const port of [53, 1053, 5353])
    test(`${name} asks a resolver that listens on ${port}: yes`, () => {
      for (const protocol of ["UDP", "TCP"] as const)
        assert.ok(allowed({ from: pod, to: resolver, port, protocol }, policies), protocol);
    });
