/**
 * What the operator makes for KEDA, cert-manager, external-dns and Kubernetes' own autoscaler, before a real API server with
 * their real schemas: it is accepted, and repaired when somebody changes or deletes it.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import type { Kind } from "../../operator/kube/port.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import { promptMs, ready, resource } from "../harness/kube-resources.ts";
import { type Cluster, openCluster, soon } from "../harness/operator.ts";

describe("kinds of others", needsKubeApi, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster();
    await cluster.api.installCrds("others");
    await cluster.operator();
    await cluster.daemon("gateway");
  });
  after(() => cluster[Symbol.asyncDispose]());

  const change = (kind: Kind, namespace: string, name: string, spec: object) =>
    cluster.kube.patch<KubeObject>(kind, namespace, name, { spec }, soon());
  const there = (kind: Kind, namespace: string, name: string) =>
    cluster.see(kind, namespace, name, () => true, promptMs);

  /** Changed by a merge patch, and deleted: both times it comes back as it was. */
  async function isRepaired(kind: Kind, namespace: string, name: string, edit: object): Promise<KubeObject> {
    const made = await there(kind, namespace, name);
    const same = ({ spec }: KubeObject) => JSON.stringify(spec) === JSON.stringify(made["spec"]);
    const edited = await change(kind, namespace, name, edit);
    assert.ok(!same(edited), "the edit changes something");
    await cluster.see(kind, namespace, name, same, promptMs);
    await cluster.kube.delete(kind, namespace, name, {}, soon());
    const { uid } = made.metadata;
    await cluster.see(kind, namespace, name, (one) => one.metadata.uid !== uid && same(one), promptMs);
    return made;
  }

  test("a MailDomain's Certificate and DNSEndpoint", async () => {
    const team = await cluster.namespace();
    const spec = {
      domain: "served.test",
      hostnames: ["mx.served.test"],
      dkim: { algorithms: ["Ed25519"] },
      mtaSts: { mode: "Testing" },
      tls: { issuerRef: { name: "letsencrypt", kind: "ClusterIssuer" } },
    };
    await cluster.apply(resource("MailDomain", team, "served", spec));
    const certificate = await isRepaired(kinds.Certificate, team, "served-tls", { dnsNames: ["evil.test"] });
    const { dnsNames } = certificate["spec"] as { dnsNames: readonly string[] };
    assert.deepEqual(dnsNames, ["mx.served.test", "mta-sts.served.test"]);
    const isWhole = (object: KubeObject) => JSON.stringify(object["spec"]).includes("_domainkey.served.test");
    await cluster.see(kinds.DNSEndpoint, team, "served", isWhole, promptMs);
    await isRepaired(kinds.DNSEndpoint, team, "served", { endpoints: [] });
  });

  test("a relay's ScaledObject, then its HorizontalPodAutoscaler, then neither", async () => {
    const team = await cluster.namespace();
    const autoscaling = { mode: "KEDA", min: 0, max: 5 };
    await cluster.apply(resource("RelayPolicy", team, "out", { autoscaling }));
    await isRepaired(kinds.ScaledObject, team, "out-relay", { maxReplicaCount: 50 });
    await change(kinds.RelayPolicy, team, "out", { autoscaling: { mode: "HPA", min: 1 } });
    await isRepaired(kinds.HorizontalPodAutoscaler, team, "out-relay", { maxReplicas: 50 });
    await cluster.gone(kinds.ScaledObject, team, "out-relay", promptMs);
    await change(kinds.RelayPolicy, team, "out", { autoscaling: { mode: "None" } });
    await cluster.gone(kinds.HorizontalPodAutoscaler, team, "out-relay", promptMs);
  });

  test("they go with their domain", async () => {
    const team = await cluster.namespace();
    const tls = { issuerRef: { name: "letsencrypt" } };
    await cluster.apply(
      resource("MailDomain", team, "plain", { domain: "plain.test", dkim: { algorithms: [] }, tls }),
    );
    const { metadata } = await there(kinds.Certificate, team, "plain-tls");
    assert.deepEqual(
      metadata.ownerReferences?.map(({ kind, name, controller }) => [kind, name, controller]),
      [["MailDomain", "plain", true]],
    );
    await change(kinds.MailDomain, team, "plain", { tls: null });
    await cluster.gone(kinds.Certificate, team, "plain-tls", promptMs);
    await cluster.see(kinds.MailDomain, team, "plain", ready, promptMs);
  });
});
