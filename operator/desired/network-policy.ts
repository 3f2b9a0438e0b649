/**
 * Who may talk to the daemons, and whom they may talk to.
 *
 * In:     mail from anywhere, on the ports of the protocols; health and metrics from pods of the cluster.
 * Out:    NATS, DNS, HTTPS (policies and keys that others publish); a gateway also reaches the ports of content filters,
 *         a relay those of its ways out.
 */
import { routesOf } from "../../crds/choices.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Policy, SetPlace } from "./deployment.ts";
import type { Component, Installation, SetComponent } from "./installation.ts";
import {
  commonLabels,
  componentLabel,
  type Identity,
  instanceLabel,
  type Labels,
  labelValue,
  object,
  relayName,
  selectorOf,
  setName,
} from "./names.ts";
import { healthPort, openPorts } from "./ports.ts";
import { relayLabels } from "./protection.ts";

const httpsPort = 443;

type Rule = Readonly<Record<string, unknown>>;

export function setNetworkPolicy(
  installation: Installation,
  component: SetComponent,
  { namespace, owner, webPorts = [], filterPorts = [] }: SetPlace,
): KubeObject {
  const labels = { ...commonLabels(installation), [componentLabel]: component };
  const identity = { namespace, name: setName(installation, component), labels, owner };
  const selector = selectorOf(installation, component);
  // Only gateways see messages before they are taken.
  const filters = component === "gateway" ? filterPorts : [];
  const out = tcp([httpsPort, ...webPorts, ...filters]);
  return networkPolicy(installation, component, identity, selector, [out]);
}

/** `lmtpPorts`: of the MailDomains that use the policy's namespace. */
export function relayNetworkPolicy(
  installation: Installation,
  policy: Policy,
  lmtpPorts: readonly number[],
): KubeObject {
  const { namespace, name, owner } = policy;
  const identity = { namespace, name: relayName(name), labels: relayLabels(installation, name), owner };
  const ways = tcp([...waysOut(installation, policy), ...lmtpPorts]);
  const selector = selectorOf(installation, "relay", name);
  return networkPolicy(installation, "relay", identity, selector, [tcp([httpsPort]), ways]);
}

function networkPolicy(
  installation: Installation,
  component: Component,
  identity: Identity,
  selector: Labels,
  egress: readonly Rule[],
): KubeObject {
  const open = openPorts(installation, component).map(({ port }) => port);
  return object("networking.k8s.io/v1", "NetworkPolicy", identity, {
    spec: {
      podSelector: { matchLabels: selector },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        ...(open.length === 0 ? [] : [tcp(open)]),
        { from: [{ namespaceSelector: {} }], ...tcp([healthPort]) },
      ],
      egress: [nats(installation), dns, ...egress],
    },
  });
}

/** Ascending and each once, so that the same policies are the same object. */
const tcp = (ports: readonly number[]): Rule => ({
  ports: [...new Set(ports)].sort((a, b) => a - b).map((port) => ({ port, protocol: "TCP" })),
});

/** Resolvers in clusters often listen on 5353 or 1053 behind their Service. */
const dns: Rule = {
  ports: [53, 1053, 5353].flatMap((port) => [
    { port, protocol: "UDP" },
    { port, protocol: "TCP" },
  ]),
};

const defaultNatsPort = 4222;

function nats({ name, namespace, nats: { mode, urls } }: Installation): Rule {
  const ports = tcp(urls.map((url) => Number(/:(\d+)\/?$/.exec(url)?.[1] ?? defaultNatsPort)));
  if (mode === "External") return ports;
  const to = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
    podSelector: { matchLabels: { [instanceLabel]: labelValue(name), [componentLabel]: "nats" } },
  };
  return { to: [to], ...ports };
}

function waysOut({ smtpPort }: Installation, { spec }: Policy): readonly number[] {
  // An operator's re-route may name any host by its usual port.
  return [smtpPort, 25, ...routesOf(spec).flatMap(({ smarthost }) => smarthost?.port ?? [])];
}
