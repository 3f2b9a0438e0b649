/**
 * The operator against a real API server and a real NATS: what users see, and what daemons are told.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Domain } from "../../daemon/mail/address.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import type { Kind } from "../../operator/kube/port.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import { condition, containersOf, is, promptMs, ready, resource, sizeOf } from "../harness/kube-resources.ts";
import {
  type Cluster,
  type OperatorProcess,
  openServed,
  release,
  type StandIn,
  soon,
} from "../harness/operator.ts";
import { until, untilTrue } from "../harness/until.ts";

/** They are asked for every few seconds, and told behind everything else. */
const figuresMs = 120_000;

describe("operator", needsKubeApi, () => {
  let cluster: Cluster;
  let operator: OperatorProcess;
  let gateway: StandIn;

  before(async () => {
    ({ cluster, operator, gateway } = await openServed());
  });
  after(() => cluster[Symbol.asyncDispose]());

  const remove = (kind: Kind, namespace: string, name: string) =>
    cluster.kube.delete(kind, namespace, name, {}, soon());
  const patch = (kind: Kind, namespace: string, name: string, change: object) =>
    cluster.kube.patch(kind, namespace, name, change, soon());
  const knows = (domain: string) => gateway.live.current().domain(domain as Domain) !== undefined;

  test("a new domain is ready, known to the daemons, with keys, a relay and a status that tells all of it", async () => {
    const team = await cluster.namespace();
    await cluster.apply(resource("MailDomain", team, "example", { domain: "first.test" }));
    // Ready stays while keys that were made meanwhile are told; Programmed follows.
    const serving = (one: KubeObject) => ready(one) && is("Programmed", "True")(one);
    const domain = await cluster.see(kinds.MailDomain, team, "example", serving, promptMs);
    assert.ok(knows("first.test"));
    await cluster.apply(resource("Mailbox", team, "ann", { address: "ann@first.test" }));
    await cluster.see(kinds.Mailbox, team, "ann", ready, promptMs);
    const status = domain["status"] as Record<string, unknown>;
    assert.equal(status["loaded"], "2/2");
    assert.equal(status["observedGeneration"], domain.metadata.generation);
    assert.deepEqual(domain.metadata.finalizers, ["mail.postfleet.dev/queue"]);
    for (const [type, want] of Object.entries({
      Accepted: "True",
      Programmed: "True",
      DNSVerified: "Unknown",
    }))
      assert.equal(condition(domain, type)?.status, want, type);
    await cluster.see(kinds.Deployment, team, "default-relay", () => true, promptMs);
    const told = (object: KubeObject) => JSON.stringify(object["status"]);
    const keyed = await cluster.see(
      kinds.MailDomain,
      team,
      "example",
      (one) => told(one).includes("postfleet-ed25519._domainkey.first.test"),
      promptMs,
    );
    assert.ok(told(keyed).includes("postfleet._domainkey.first.test"));
    const keys = await cluster.see(kinds.Secret, team, "example-dkim", () => true);
    assert.equal(keys.metadata.ownerReferences?.[0]?.uid, domain.metadata.uid);
    await untilTrue(
      "the daemons to have the keys",
      () => gateway.live.current().domain("first.test" as Domain)?.dkim.length === 2,
    );
  });

  test("what somebody deletes or edits comes back; what is theirs stays", async () => {
    const team = await cluster.namespace();
    await cluster.apply(resource("RelayPolicy", team, "out", { autoscaling: { mode: "None" }, replicas: 2 }));
    const made = await cluster.see(kinds.Deployment, team, "out-relay", (one) => sizeOf(one) === 2, promptMs);
    await remove(kinds.Deployment, team, "out-relay");
    const again = (one: KubeObject) => one.metadata.uid !== made.metadata.uid && sizeOf(one) === 2;
    await cluster.see(kinds.Deployment, team, "out-relay", again, promptMs);
    await patch(kinds.Deployment, team, "out-relay", {
      metadata: { labels: { theirs: "kept" }, annotations: { theirs: "kept" } },
      spec: { replicas: 7 },
    });
    const mended = await cluster.see(
      kinds.Deployment,
      team,
      "out-relay",
      (one) => sizeOf(one) === 2,
      promptMs,
    );
    assert.equal(mended.metadata.labels?.["theirs"], "kept");
    assert.equal(mended.metadata.annotations?.["theirs"], "kept");
    const containers = containersOf(mended);
    await patch(kinds.Deployment, team, "out-relay", {
      spec: {
        template: {
          spec: {
            containers: [
              { ...containers[0], image: "edited:1" },
              { name: "sidecar", image: "theirs:1" },
            ],
          },
        },
      },
    });
    const whole = await cluster.see(
      kinds.Deployment,
      team,
      "out-relay",
      (one) => containersOf(one)[0]?.image === "postfleet:test",
      promptMs,
    );
    assert.deepEqual(
      containersOf(whole).map(({ image }) => image),
      ["postfleet:test", "theirs:1"],
    );
    const budgets = await cluster.kube.list(kinds.PodDisruptionBudget, { namespace: team }, soon());
    assert.equal(budgets.length, 1);
    await remove(kinds.PodDisruptionBudget, team, "out-relay");
    await cluster.see(kinds.PodDisruptionBudget, team, "out-relay", () => true, promptMs);
  });

  test("the older of two equal domains has it, and the other takes over when it goes", async () => {
    const [one, other] = [await cluster.namespace(), await cluster.namespace()];
    const spec = { domain: "contested.test", deletionPolicy: "Orphan" };
    await cluster.apply(resource("MailDomain", one, "older", spec));
    await cluster.see(kinds.MailDomain, one, "older", ready, promptMs);
    // Ages are whole seconds.
    await until("the next second", () => (Date.now() % 1_000 < 200 ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await cluster.apply(resource("MailDomain", other, "younger", { ...spec, domain: "CONTESTED.test" }));
    const refused = await cluster.see(
      kinds.MailDomain,
      other,
      "younger",
      is("Accepted", "False", "DomainConflict"),
      promptMs,
    );
    assert.match(condition(refused, "Accepted")?.message ?? "", new RegExp(`${one}/older`));
    assert.equal(gateway.live.current().domain("contested.test" as Domain)?.namespace, one);
    await remove(kinds.MailDomain, one, "older");
    await cluster.see(kinds.MailDomain, other, "younger", ready, promptMs);
    assert.equal(gateway.live.current().domain("contested.test" as Domain)?.namespace, other);
  });

  test("the annotation freezes everything, and says so", async () => {
    const team = await cluster.namespace();
    await cluster.apply(
      resource("MailDomain", team, "ice", { domain: "ice.test", dkim: { algorithms: [] } }),
    );
    await cluster.see(kinds.MailDomain, team, "ice", ready, promptMs);
    await patch(kinds.MailDomain, team, "ice", {
      metadata: { annotations: { "mail.postfleet.dev/paused": "true" } },
    });
    await cluster.see(kinds.MailDomain, team, "ice", is("Paused", "True"), promptMs);
    const catchAll = "x@ice.test";
    await patch(kinds.MailDomain, team, "ice", { spec: { catchAll } });
    // Something else that is published afterwards shows that the change was passed over.
    await cluster.apply(resource("MailDomain", team, "water", { domain: "water.test" }));
    await cluster.see(kinds.MailDomain, team, "water", ready, promptMs);
    assert.equal(gateway.live.current().domain("ice.test" as Domain)?.spec.catchAll, undefined);
    await patch(kinds.MailDomain, team, "ice", {
      metadata: { annotations: { "mail.postfleet.dev/paused": null } },
    });
    const thawed = await cluster.see(
      kinds.MailDomain,
      team,
      "ice",
      (one) => ready(one) && !condition(one, "Paused"),
      promptMs,
    );
    assert.equal(condition(thawed, "Ready")?.observedGeneration, thawed.metadata.generation);
    await untilTrue(
      "the change",
      () => gateway.live.current().domain("ice.test" as Domain)?.spec.catchAll === catchAll,
    );
  });

  test("a namespace is furnished with the first resource and empty after the last", async () => {
    const team = await cluster.namespace();
    await cluster.apply(resource("MailDomain", team, "guest", { domain: "guest.test" }));
    await cluster.see(kinds.MailDomain, team, "guest", ready, promptMs);
    await cluster.see(kinds.Secret, team, "postfleet-daemon", () => true, promptMs);
    await cluster.see(kinds.ServiceAccount, team, "postfleet-daemon", () => true, promptMs);
    await cluster.see(kinds.RoleBinding, team, `${release.name}-secrets`, () => true, promptMs);
    await cluster.see(kinds.RelayPolicy, team, "default", () => true, promptMs);
    await remove(kinds.MailDomain, team, "guest");
    await cluster.gone(kinds.MailDomain, team, "guest", promptMs);
    await cluster.gone(kinds.RelayPolicy, team, "default", promptMs);
    for (const [kind, name] of [
      [kinds.Secret, "postfleet-daemon"],
      [kinds.ServiceAccount, "postfleet-daemon"],
      [kinds.RoleBinding, `${release.name}-secrets`],
    ] as const)
      await cluster.gone(kind, team, name, promptMs);
    assert.ok(!knows("guest.test"));
  });

  test("a `default` policy that somebody edited is theirs", async () => {
    const team = await cluster.namespace();
    await cluster.apply(
      resource("MailDomain", team, "one", { domain: "edited.test", deletionPolicy: "Orphan" }),
    );
    await cluster.see(kinds.RelayPolicy, team, "default", () => true, promptMs);
    await patch(kinds.RelayPolicy, team, "default", { spec: { paused: true } });
    await cluster.see(kinds.MailDomain, team, "one", ready, promptMs);
    await remove(kinds.MailDomain, team, "one");
    await cluster.gone(kinds.MailDomain, team, "one", promptMs);
    // A second domain that comes and goes shows that the namespace was looked at meanwhile.
    await cluster.apply(
      resource("MailDomain", team, "two", { domain: "edited-2.test", deletionPolicy: "Orphan" }),
    );
    await cluster.see(kinds.MailDomain, team, "two", ready, promptMs);
    assert.ok(await cluster.kube.get(kinds.RelayPolicy, team, "default", soon()));
  });

  test("nothing changes, nothing is written: not when idle, and not by an operator that starts anew", async () => {
    await untilTrue("everything to settle", async () => {
      const figures = await operator.metrics();
      return !/postfleet_operator_keys\{kind="[^"]*",state="busy"\} [1-9]/.test(figures);
    });
    await untilTrue(
      "every policy's figures to be told",
      async () => {
        const policies = await cluster.kube.list(kinds.RelayPolicy, {}, soon());
        return policies.every(({ status }) => (status as { readonly queue?: object }).queue !== undefined);
      },
      figuresMs,
    );
    await operator[Symbol.asyncDispose]();
    const begin = (await cluster.api.audit()).length;
    operator = await cluster.operator();
    await operator.says("leading");
    await untilTrue("every resource to be looked at", async () => {
      const figures = await operator.metrics();
      const done = (kind: string) =>
        Number(
          new RegExp(`reconciles_total\\{kind="${kind}",result="done"\\} (\\d+)`).exec(figures)?.[1] ?? 0,
        );
      const domains = await cluster.kube.list(kinds.MailDomain, {}, soon());
      const mailboxes = await cluster.kube.list(kinds.Mailbox, {}, soon());
      return (
        done("MailDomain") >= domains.length && done("Mailbox") >= mailboxes.length && done("Namespace") > 0
      );
    });
    const entries = (await cluster.api.audit()).slice(begin);
    const writes = entries.filter(
      ({ verb, resource: what, path }) =>
        ["create", "update", "patch", "delete"].includes(verb) &&
        !["leases", "selfsubjectaccessreviews", "events"].includes(what ?? "") &&
        !path.startsWith("/api/v1/namespaces/kube-"),
    );
    assert.deepEqual(
      writes.map(({ verb, resource: what, namespace, name }) => `${verb} ${what} ${namespace}/${name}`),
      [],
    );
  });
});
