/**
 * All objects of an installation with the chart's defaults: what Helm brings, as it is recorded, and what the operator makes
 * of the configuration in there, with one RelayPolicy in namespace `shop`, and a milter that listens on 7357.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { defaultRelayPolicy } from "../../crds/types.ts";
import { parseConfig } from "../../operator/config.ts";
import { installationOf } from "../../operator/desired/from-config.ts";
import type { Installation } from "../../operator/desired/installation.ts";
import { gatewaySet, mailboxSet, relaySet, tenant } from "../../operator/desired/sets.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { at, owner } from "./installation.ts";
import { root } from "./source.ts";

export interface DefaultInstallation {
  readonly installation: Installation;
  readonly chart: readonly KubeObject[];
  readonly made: readonly KubeObject[];
}

const smarthost = { host: "smtp.example", port: 587, tls: "Require" } as const;
const policy = {
  namespace: "shop",
  name: "default",
  spec: {
    ...defaultRelayPolicy,
    route: { smarthost },
    autoscaling: { ...defaultRelayPolicy.autoscaling, mode: "HPA" },
  },
  owner: owner("RelayPolicy", "default"),
} as const;

export function defaultInstallation(): DefaultInstallation {
  const text = readFileSync(join(root, "test/golden/chart/default.yaml"), "utf8");
  const chart = parseAllDocuments(text).flatMap((each) => (each.toJS() as KubeObject | null) ?? []);
  const config = chart.find(
    ({ kind, metadata }) => kind === "ConfigMap" && metadata.name === "postfleet-operator",
  );
  const installation = installationOf(parseConfig(at(config, "data")["config.yaml"]));
  const home = { namespace: installation.namespace, filterPorts: [7357] };
  const made = [
    ...tenant(installation, home),
    ...gatewaySet(installation, home),
    ...mailboxSet(installation, home),
    ...relaySet(installation, policy),
  ];
  return { installation, chart, made };
}
