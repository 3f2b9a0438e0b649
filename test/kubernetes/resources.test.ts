/**
 * Our resources and the operator's manifests before a real API server: what it refuses, and with which words; what it
 * fills in; that the plan has nothing to do once it has been carried out, and repairs what others change.
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { withDefaults } from "../../crds/defaults.ts";
import { apiVersion, type Kind, loadKinds } from "../../crds/schema.ts";
import { relayDeployment } from "../../operator/desired/deployment.ts";
import { plan } from "../../operator/desired/plan.ts";
import { gatewaySet, mailboxSet, tenant } from "../../operator/desired/sets.ts";
import type { KubeClient } from "../../operator/kube/client.ts";
import { kindOf, kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { KubeError } from "../../operator/kube/port.ts";
import { finalizersOnCreate } from "../harness/chart.ts";
import { anInstallation, aRelayPolicy, at } from "../harness/installation.ts";
import { type KubeApi, needsKubeApi, startKubeApi } from "../harness/kube-api.ts";
import type { Spec } from "../harness/rule-cases/case.ts";
import { ruleCases } from "../harness/rule-cases.ts";

const signal = () => AbortSignal.timeout(120_000);
const schemas = await loadKinds();

describe("resources", needsKubeApi, () => {
  let api: KubeApi;
  let kube: KubeClient;
  let count = 0;
  before(async () => {
    api = await startKubeApi();
    await api.installCrds();
    await api.installCrds("others");
    kube = await api.open();
    for (const name of ["shop", "postfleet"])
      await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } }, signal());
  });
  after(() => api[Symbol.asyncDispose]());

  const resource = (kind: Kind, spec: Spec, name = `r-${++count}`): KubeObject => ({
    apiVersion,
    kind,
    metadata: { name, namespace: "default" },
    spec,
  });

  for (const { kind, at: place, says, broken, kept, old } of ruleCases) {
    test(`${kind} ${place}: ${says}`, async () => {
      const first = await kube.create(resource(kind, old ?? kept), signal());
      const { name } = first.metadata;
      const refused = old
        ? kube.patch(kinds[kind], "default", name, { spec: broken }, signal())
        : kube.create(resource(kind, broken), signal());
      await assert.rejects(refused, (error: unknown) => {
        assert.ok(error instanceof KubeError);
        assert.equal(error.reason, "Invalid");
        assert.ok(error.message.includes(says), error.message);
        return true;
      });
      // What is left out is filled in as it is on a laptop.
      const schema = schemas.get(kind) ?? assert.fail(kind);
      assert.deepEqual(first["spec"], withDefaults(schema, old ?? kept));
    });
  }

  // As kubectl apply does it, whose last-applied annotation knows nothing of what a default filled in.
  for (const { kind, first, choice } of [
    { kind: "RelayPolicy", first: {}, choice: { route: { smarthost: { host: "smtp.example.org" } } } },
    {
      kind: "MailDomain",
      first: { domain: "merged.example" },
      choice: { delivery: { lmtp: { host: "imap.example.org" } } },
    },
  ] as const)
    test(`another choice can be merged into a ${kind} that left it out`, async () => {
      const { name } = (await kube.create(resource(kind, first), signal())).metadata;
      const merged = await kube.patch(kinds[kind], "default", name, { spec: choice }, signal());
      const [field] = Object.keys(choice) as [string];
      const held = (merged["spec"] as Record<string, object>)[field];
      assert.deepEqual(Object.keys(held ?? {}), Object.keys(Object.values(choice)[0] ?? {}));
    });

  test("the examples are admitted", async () => {
    const folder = new URL("../../examples/", import.meta.url);
    for (const file of await readdir(folder)) {
      const text = await readFile(new URL(file, folder), "utf8");
      for (const document of parseAllDocuments(text))
        await kube.apply(document.toJS() as KubeObject, signal());
    }
  });

  async function carryOut(desired: readonly KubeObject[], live: readonly KubeObject[]): Promise<void> {
    for (const step of plan(desired, live)) {
      const { namespace = "", name } = step.object.metadata;
      if (step.do === "apply") await kube.apply(step.object, signal());
      if (step.do === "scale")
        await kube.scale(kindOf(step.object), namespace, name, step.replicas, signal());
      if (step.do === "delete") await kube.delete(kindOf(step.object), namespace, name, {}, signal());
    }
  }

  const read = async (object: KubeObject): Promise<KubeObject> => {
    const { namespace, name } = object.metadata;
    return (await kube.get(kindOf(object), namespace, name, signal())) ?? assert.fail(`no ${name}`);
  };

  const folder = new URL("../golden/manifests/", import.meta.url);
  test("every manifest is admitted, and once it is there nothing is left to do", async () => {
    for (const file of await readdir(folder)) {
      const documents = parseAllDocuments(await readFile(new URL(file, folder), "utf8"));
      const desired = documents.map((document) => document.toJS() as KubeObject);
      const live = await Promise.all(
        desired.map((object) =>
          kube.get(kindOf(object), object.metadata.namespace, object.metadata.name, signal()),
        ),
      );
      await carryOut(
        desired,
        live.filter((object) => object !== undefined),
      );
      const there = await Promise.all(desired.map(read));
      assert.deepEqual(plan(desired, there), [], file);
    }
  });

  const named = (name: string, template = {}, autoscaling = {}, replicas = 1) =>
    relayDeployment(anInstallation(), aRelayPolicy({ podTemplate: template, autoscaling, replicas }, name));

  test("what somebody changes is set right; what others add stays; what is no longer wanted goes", async () => {
    const pooled = named("drift", { nodeSelector: { pool: "a" }, env: [{ name: "TZ", value: "UTC" }] });
    await carryOut([pooled], []);
    const { namespace, name } = pooled.metadata;
    const sidecar = { name: "theirs", image: "sidecar:1" };
    const [ours] = at(await read(pooled), "spec.template.spec.containers");
    await kube.patch(
      kinds.Deployment,
      namespace,
      name,
      {
        metadata: { labels: { theirs: "yes", "app.kubernetes.io/component": "stolen" } },
        spec: { template: { spec: { containers: [{ ...ours, image: "other:2" }, sidecar] } } },
      },
      signal(),
    );
    const plain = named("drift", {});
    const drifted = await read(plain);
    assert.equal(plan([pooled], [drifted]).length, 1);
    await carryOut([plain], [drifted]);
    const mended = await read(plain);
    const [container, other] = at(mended, "spec.template.spec.containers");
    assert.equal(container.image, "postfleet:1.2.3");
    assert.equal(other.image, "sidecar:1");
    assert.equal(mended.metadata.labels?.["app.kubernetes.io/component"], "relay");
    assert.equal(mended.metadata.labels?.["theirs"], "yes");
    assert.equal(at(mended, "spec.template.spec.nodeSelector"), undefined);
    assert.ok(!container.env.some((each: { name: string }) => each.name === "TZ"));
    assert.deepEqual(plan([plain], [mended]), []);
  });

  test("what is new has the operator's finalizer from the beginning, beside those of others", async () => {
    await finalizersOnCreate(api);
    const finalizersOf = async (kind: Kind, spec: Spec, given?: readonly string[]) => {
      const object = resource(kind, spec);
      const metadata = given ? { ...object.metadata, finalizers: given } : object.metadata;
      return (await kube.create({ ...object, metadata }, signal())).metadata.finalizers;
    };
    const ours = "mail.postfleet.dev/queue";
    const domain = () => ({ domain: `f${count}.test` });
    assert.deepEqual(await finalizersOf("MailDomain", domain()), [ours]);
    assert.deepEqual(await finalizersOf("MailDomain", domain(), ["a.test/one"]), ["a.test/one", ours]);
    assert.deepEqual(await finalizersOf("MailDomain", domain(), [ours]), [ours]);
    assert.deepEqual(await finalizersOf("RelayPolicy", {}), [ours]);
    assert.equal(await finalizersOf("Mailbox", { address: "a@f.test" }), undefined);
  });

  test("Pod Security restricted admits the daemons' pods as they are, and not on the node's network", async () => {
    const namespace = "walled";
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await kube.create(
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } },
      signal(),
    );
    const place = { namespace };
    await carryOut(tenant(anInstallation(), place), []);
    const podOf = (deployment: KubeObject | undefined, name: string): KubeObject => {
      const { metadata, spec } = at(deployment, "spec.template");
      return { apiVersion: "v1", kind: "Pod", metadata: { ...metadata, namespace, name }, spec };
    };
    const relay = (podTemplate = {}) =>
      relayDeployment(anInstallation(), { ...aRelayPolicy({ podTemplate }), namespace });
    const apart = anInstallation({ placement: "Namespaced" });
    for (const set of [gatewaySet(apart, place), mailboxSet(apart, place), [relay()]]) {
      const deployment = set.find(({ kind }) => kind === "Deployment");
      await kube.create(podOf(deployment, deployment?.metadata.name ?? ""), signal());
    }
    const onHost = kube.create(podOf(relay({ hostNetwork: true }), "on-host"), signal());
    await assert.rejects(onHost, /violates PodSecurity "restricted:latest": host namespaces/);
  });

  test("a size that an autoscaler takes over is not lost on the way", async () => {
    const fixed = named("sized", {}, { mode: "None" }, 6);
    await carryOut([fixed], []);
    assert.equal(at(await read(fixed), "spec.replicas"), 6);
    const scaled = named("sized", { labels: { a: "b" } }, { mode: "HPA" });
    await carryOut([scaled], [await read(fixed)]);
    const live = await read(scaled);
    assert.equal(at(live, "spec.template.metadata.labels").a, "b");
    assert.equal(at(live, "spec.replicas"), 6);
    assert.deepEqual(plan([scaled], [live]), []);
  });
});
