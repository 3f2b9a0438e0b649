/**
 * The operator in trouble: objects whose reconciliation can never succeed, NATS away. Leaders that stop, die or freeze are
 * in `operators.test.ts`, bad networks in `outage.test.ts`.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Domain } from "../../daemon/mail/address.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import { ready, resource } from "../harness/kube-resources.ts";
import { type Cluster, type OperatorProcess, openServed, type StandIn } from "../harness/operator.ts";
import { untilTrue } from "../harness/until.ts";

/** Leases last 15 s, and retries are up to a minute apart. */
const patienceMs = 180_000;

describe("operator in trouble", needsKubeApi, () => {
  let cluster: Cluster;
  let operator: OperatorProcess;
  let gateway: StandIn;

  before(async () => {
    ({ cluster, operator, gateway } = await openServed());
  });
  after(() => cluster[Symbol.asyncDispose]());

  const domain = (team: string, name: string, more: object = {}): KubeObject =>
    resource("MailDomain", team, name, { domain: `${name}.test`, dkim: { algorithms: [] }, ...more });
  const isReady = (team: string, name: string) =>
    cluster.see(kinds.MailDomain, team, name, ready, patienceMs);

  test("1,000 objects that can never be told their status do not keep a new one waiting", async () => {
    const team = await cluster.namespace();
    await refuseStatuses(cluster);
    const broken = Array.from({ length: 1_000 }, (_, i) => i);
    const make = async () => {
      for (let i = broken.pop(); i !== undefined; i = broken.pop())
        await cluster.apply({
          ...domain(team, `broken-${i}`),
          metadata: { name: `broken-${i}`, namespace: team, labels: { refuse: "yes" } },
        });
    };
    await Promise.all(Array.from({ length: 16 }, make));
    await untilTrue(
      "many failures",
      async () => {
        const failed = /reconciles_total\{kind="MailDomain",result="failed"\} (\d+)/.exec(
          await operator.metrics(),
        );
        return Number(failed?.[1]) >= 500;
      },
      patienceMs,
    );
    const begin = performance.now();
    await cluster.apply(domain(team, "sound"));
    await isReady(team, "sound");
    // Far from the minutes that a queue of a thousand failures would take; those that were made before it have their turn first.
    assert.ok(performance.now() - begin < 60_000, `${performance.now() - begin} ms`);
    await untilTrue(
      "daemons to know the others, too",
      () => gateway.live.current().domain("broken-7.test" as Domain) !== undefined,
      patienceMs,
    );
  });

  test("NATS goes and comes back: what was decided meanwhile is told then", async () => {
    const team = await cluster.namespace();
    await cluster.nats.stop();
    await cluster.apply(domain(team, "meanwhile"));
    await cluster.see(
      kinds.MailDomain,
      team,
      "meanwhile",
      (one) => one.metadata.finalizers !== undefined && !ready(one),
      patienceMs,
    );
    await cluster.nats.restart();
    await isReady(team, "meanwhile");
  });
});

/** As an admission policy of somebody else's may do. */
function refuseStatuses({ api }: Cluster): Promise<void> {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const metadata = { name: "refuse" };
  const statuses = {
    apiGroups: ["mail.postfleet.dev"],
    apiVersions: ["*"],
    operations: ["UPDATE"],
    resources: ["maildomains/status"],
  };
  const expression = "!has(object.metadata.labels) || !('refuse' in object.metadata.labels)";
  const spec = {
    failurePolicy: "Fail",
    matchConstraints: { resourceRules: [statuses] },
    validations: [{ expression, message: "never" }],
  };
  const binding = { policyName: "refuse", validationActions: ["Deny"] };
  return api.kubectlApply(
    { apiVersion, kind: "ValidatingAdmissionPolicy", metadata, spec },
    { apiVersion, kind: "ValidatingAdmissionPolicyBinding", metadata, spec: binding },
  );
}
