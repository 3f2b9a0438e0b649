/**
 * Least privilege, by the API server's own audit log: under the roles that the chart renders, the operator is refused
 * nothing, and has no right that it does not use.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { chartRoles, operatorAccount } from "../harness/chart.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import { type AuditEntry, privileges, type Rule, serviceAccountName } from "../harness/kube-audit.ts";
import { promptMs, ready, resource, secret, sizeOf } from "../harness/kube-resources.ts";
import { type Cluster, type OperatorProcess, openCluster, release, soon } from "../harness/operator.ts";

const account = `${release.name}-operator`;

/** Used where there is what they are about, which this suite has not: CRDs of others, pods that are ended, `helm uninstall`. */
const elsewhere =
  /(keda\.sh|cert-manager\.io|externaldns\.k8s\.io)\/|^patch \/pods$|finalizers$|^bind |^delete admissionregistration|\/events$|^get mail\.postfleet\.dev\//;

describe("rights", needsKubeApi, () => {
  let cluster: Cluster;
  let operator: OperatorProcess;
  let rules: readonly Rule[];
  let kubeconfig: string;
  before(async () => {
    cluster = await openCluster();
    rules = (await chartRoles())
      .filter(
        ({ kind, metadata }) =>
          /Role$/.test(kind) && /-(operator|operator-leader|secrets)$/.test(metadata.name),
      )
      .flatMap((object) => (object as KubeObject & { rules: readonly Rule[] }).rules);
    kubeconfig = await operatorAccount(cluster.api);
    operator = await cluster.operator({ kubeconfig });
    await cluster.daemon("gateway");
    await cluster.daemon("mailbox");
  });
  after(() => cluster[Symbol.asyncDispose]());

  test("everything works, nothing is refused, no right is unused", async () => {
    const team = await cluster.namespace();
    await cluster.apply(
      resource("MailDomain", team, "one", { domain: "one.test", dkim: { algorithms: ["Ed25519"] } }),
    );
    await cluster.apply(
      resource("Mailbox", team, "alice", {
        address: "alice@one.test",
        passwordSecretRef: { name: "alice" },
        deletionPolicy: "Delete",
      }),
    );
    await cluster.apply(resource("RelayPolicy", team, "hpa", { autoscaling: { mode: "HPA" } }));
    await cluster.apply(
      resource("RelayPolicy", team, "fixed", { autoscaling: { mode: "None" }, replicas: 3 }),
    );
    await cluster.apply(secret(team, "alice", { password: "correct-horse" }));
    await cluster.see(kinds.Mailbox, team, "alice", ready, promptMs);
    await cluster.see(kinds.HorizontalPodAutoscaler, team, "hpa-relay", () => true, promptMs);
    await cluster.see(kinds.Deployment, team, "fixed-relay", (one) => sizeOf(one) === 3, promptMs);
    await cluster.see(kinds.Secret, team, "one-dkim", () => true, promptMs);
    await patchPolicy(team, "hpa", { autoscaling: { mode: "None" } });
    await cluster.gone(kinds.HorizontalPodAutoscaler, team, "hpa-relay", promptMs);
    for (const [kind, name] of [
      [kinds.Mailbox, "alice"],
      [kinds.MailDomain, "one"],
      [kinds.RelayPolicy, "hpa"],
      [kinds.RelayPolicy, "fixed"],
    ] as const) {
      await cluster.kube.delete(kind, team, name, {}, soon());
      await cluster.gone(kind, team, name, promptMs);
    }
    await cluster.gone(kinds.RoleBinding, team, `${release.name}-secrets`, promptMs);
    await operator[Symbol.asyncDispose]();
    // Other placement: the shared sets go.
    operator = await cluster.operator({ kubeconfig, config: { placement: "Namespaced" } });
    for (const [kind, name] of [
      [kinds.Deployment, "gateway"],
      [kinds.PodDisruptionBudget, "gateway"],
      [kinds.NetworkPolicy, "gateway"],
      [kinds.Service, "smtp"],
    ] as const)
      await cluster.gone(kind, release.namespace, `${release.name}-${name}`, promptMs);
    await operator[Symbol.asyncDispose]();
    const user = serviceAccountName(release.namespace, account);
    const { refused, unused } = privileges((await cluster.api.audit()).flatMap(withCreation), user, rules);
    assert.deepEqual(refused, []);
    assert.deepEqual(
      unused.filter((right) => !elsewhere.test(right)),
      [],
    );
  });

  const patchPolicy = (team: string, name: string, spec: object) =>
    cluster.kube.patch(kinds.RelayPolicy, team, name, { spec }, soon());
});

/** Server-side apply that makes an object needs both rights; the log calls it a patch. */
const withCreation = (entry: AuditEntry): readonly AuditEntry[] =>
  entry.verb === "patch" && entry.code === 201 ? [entry, { ...entry, verb: "create" }] : [entry];
