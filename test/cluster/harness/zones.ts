/**
 * Zones of the test's own in the cluster's DNS, besides those that were given before.
 */
import { apply, kubectl } from "./kube.ts";

const zones = new Map<string, string>();
const soa = "@ 60 IN SOA ns admin 1 60 60 60 1\n";

/** `records`: lines as a zone file has them. Resolves when pods see them. */
export async function serveZone(zone: string, records: string): Promise<void> {
  zones.set(zone, `$ORIGIN ${zone}.\n${soa}${records}\n`);
  const files = [...zones].flatMap(([name, text]) => [
    [`${name}.server`, `${name}:1053 {\n    file /etc/coredns/${name}.zone\n}\n`],
    [`${name}.zone`, text],
  ]);
  await apply(
    JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "coredns-custom", namespace: "kube-system" },
      data: Object.fromEntries(files),
    }),
  );
  await kubectl("rollout", "restart", "-n", "kube-system", "deployment/coredns"); // it would look once a minute
  await kubectl("rollout", "status", "-n", "kube-system", "deployment/coredns", "--timeout", "90s");
}
