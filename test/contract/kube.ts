/**
 * What every `Kube` keeps: the API server in memory and the real client against a real API server.
 *
 * `open` gives a client and a namespace that is empty; the CRDs are installed there where there is a server.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../operator/kube/object.ts";
import type { Cache, Change, Kind, Kube, KubeError, Selection } from "../../operator/kube/port.ts";

export interface KubeUnderTest extends AsyncDisposable {
  readonly kube: Kube;
  readonly namespace: string;
  cache(kind: Kind, selection: Selection): Cache & AsyncDisposable;
}

const configMap: Kind = { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };
const deployment: Kind = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  plural: "deployments",
  namespaced: true,
};
const relayPolicy: Kind = {
  apiVersion: "mail.postfleet.dev/v1alpha1",
  kind: "RelayPolicy",
  plural: "relaypolicies",
  namespaced: true,
};
const unheardOf: Kind = {
  apiVersion: "nobody.example/v1",
  kind: "Unheard",
  plural: "unheards",
  namespaced: true,
};

const soon = () => AbortSignal.timeout(60_000);
const refusedWith = (reason: string) => (error: unknown) => (error as KubeError).reason === reason;

const mapOf = (namespace: string, data: Record<string, string>, more: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "one", namespace, ...more },
  data,
});

const deploymentOf = (namespace: string, spec: object): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "one", namespace, labels: { app: "one" } },
  spec: {
    selector: { matchLabels: { app: "one" } },
    template: {
      metadata: { labels: { app: "one" } },
      spec: { containers: [{ name: "main", image: "main:1", env: [{ name: "A", value: "1" }] }] },
    },
    ...spec,
  },
});

type Case = (under: KubeUnderTest) => Promise<void>;

const cases: Readonly<Record<string, Case>> = {
  "what is not there": async ({ kube, namespace }) => {
    assert.equal(await kube.get(configMap, namespace, "none", soon()), undefined);
    assert.deepEqual(await kube.list(configMap, { namespace, labelSelector: "of=nobody" }, soon()), []);
    assert.equal(await kube.delete(configMap, namespace, "none", {}, soon()), false);
    await assert.rejects(
      kube.patch(configMap, namespace, "none", { data: { a: "1" } }, soon()),
      refusedWith("NotFound"),
    );
  },
  "creating twice is refused, and keeps the first": async ({ kube, namespace }) => {
    const made = await kube.create(mapOf(namespace, { a: "1" }), soon());
    assert.ok(made.metadata.uid && made.metadata.resourceVersion && made.metadata.creationTimestamp);
    await assert.rejects(kube.create(mapOf(namespace, { a: "2" }), soon()), refusedWith("AlreadyExists"));
    assert.deepEqual((await kube.get(configMap, namespace, "one", soon()))?.["data"], { a: "1" });
  },
  "lists are selected by label": async ({ kube, namespace }) => {
    await kube.create(mapOf(namespace, {}, { name: "a", labels: { of: "us", tier: "1" } }), soon());
    await kube.create(mapOf(namespace, {}, { name: "b", labels: { of: "others" } }), soon());
    const found = await kube.list(configMap, { namespace, labelSelector: "of=us" }, soon());
    assert.deepEqual(
      found.map(({ metadata, kind, apiVersion }) => [metadata.name, kind, apiVersion]),
      [["a", "ConfigMap", "v1"]],
    );
  },
  "applying makes, changes and takes away our fields only": async ({ kube, namespace }) => {
    await kube.apply(mapOf(namespace, { a: "1", b: "2" }, { labels: { ours: "yes" } }), soon());
    await kube.patch(
      configMap,
      namespace,
      "one",
      { data: { foreign: "kept" }, metadata: { labels: { foreign: "kept" } } },
      soon(),
    );
    const after = await kube.apply(mapOf(namespace, { a: "3" }, { labels: {} }), soon());
    assert.deepEqual(after["data"], { a: "3", foreign: "kept" });
    assert.deepEqual(after.metadata.labels, { foreign: "kept" });
  },
  "applying takes back what somebody changed": async ({ kube, namespace }) => {
    await kube.apply(mapOf(namespace, { a: "1" }), soon());
    await kube.patch(configMap, namespace, "one", { data: { a: "edited" } }, soon());
    assert.deepEqual((await kube.apply(mapOf(namespace, { a: "1" }), soon()))["data"], { a: "1" });
  },
  "applying the same again changes nothing": async ({ kube, namespace }) => {
    const first = await kube.apply(deploymentOf(namespace, {}), soon());
    const second = await kube.apply(deploymentOf(namespace, {}), soon());
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.equal(second.metadata.generation, first.metadata.generation);
  },
  "sidecars, variables and replicas of others stay": async ({ kube, namespace }) => {
    await kube.apply(deploymentOf(namespace, {}), soon());
    await kube.scale(deployment, namespace, "one", 3, soon());
    const live = (await kube.get(deployment, namespace, "one", soon())) as unknown as Shape;
    const containers = [...live.spec.template.spec.containers, { name: "sidecar", image: "sidecar:1" }];
    const first = containers[0];
    if (first) containers[0] = { ...first, env: [...(first.env ?? []), { name: "B", value: "2" }] };
    await kube.patch(deployment, namespace, "one", { spec: { template: { spec: { containers } } } }, soon());
    const template = deploymentOf(namespace, {}) as unknown as Shape;
    const main = { name: "main", image: "main:2", env: [{ name: "A", value: "9" }] };
    const changed = {
      ...template,
      spec: { ...template.spec, template: { ...template.spec.template, spec: { containers: [main] } } },
    };
    const after = (await kube.apply(changed as unknown as KubeObject, soon())) as unknown as Shape;
    assert.equal(after.spec.replicas, 3);
    assert.deepEqual(
      after.spec.template.spec.containers.map(({ name, image }) => [name, image]),
      [
        ["main", "main:2"],
        ["sidecar", "sidecar:1"],
      ],
    );
    assert.deepEqual(
      after.spec.template.spec.containers[0]?.env?.map(({ name, value }) => [name, value]),
      [
        ["A", "9"],
        ["B", "2"],
      ],
    );
  },
  "the status is written apart, and does not count as a new generation": async ({ kube, namespace }) => {
    const policy: KubeObject = {
      apiVersion: relayPolicy.apiVersion,
      kind: "RelayPolicy",
      metadata: { name: "one", namespace },
    };
    const made = await kube.apply({ ...policy, spec: { paused: true } }, soon());
    const condition = {
      type: "Ready",
      status: "True",
      reason: "R",
      message: "M",
      lastTransitionTime: "2026-01-02T03:04:05Z",
    };
    const written = await kube.applyStatus(
      { ...policy, status: { replicas: 2, conditions: [condition] } },
      soon(),
    );
    assert.equal(written.metadata.generation, made.metadata.generation);
    assert.notEqual(written.metadata.resourceVersion, made.metadata.resourceVersion);
    assert.deepEqual(written["status"], { replicas: 2, conditions: [condition] });
    const again = await kube.applyStatus(
      { ...policy, status: { replicas: 2, conditions: [condition] } },
      soon(),
    );
    assert.equal(again.metadata.resourceVersion, written.metadata.resourceVersion);
    const spec = await kube.apply<KubeObject>({ ...policy, spec: { paused: false } }, soon());
    assert.equal(spec.metadata.generation, (made.metadata.generation ?? 0) + 1);
    assert.deepEqual(spec["status"], written["status"]);
    await assert.rejects(
      kube.applyStatus({ ...policy, metadata: { name: "none", namespace }, status: {} }, soon()),
      refusedWith("NotFound"),
    );
  },
  "a patch that names an old version is refused": async ({ kube, namespace }) => {
    const made = await kube.create(mapOf(namespace, { a: "1" }), soon());
    const { resourceVersion } = made.metadata;
    await kube.patch(
      configMap,
      namespace,
      "one",
      { metadata: { resourceVersion }, data: { a: "2" } },
      soon(),
    );
    await assert.rejects(
      kube.patch(configMap, namespace, "one", { metadata: { resourceVersion }, data: { a: "3" } }, soon()),
      refusedWith("Conflict"),
    );
  },
  "what has a finalizer goes when it is taken off": async ({ kube, namespace }) => {
    await kube.create(mapOf(namespace, {}, { finalizers: ["mail.postfleet.dev/queue"] }), soon());
    assert.equal(await kube.delete(configMap, namespace, "one", {}, soon()), true);
    const going = await kube.get(configMap, namespace, "one", soon());
    assert.ok(going?.metadata.deletionTimestamp);
    await kube.patch(configMap, namespace, "one", { metadata: { finalizers: null } }, soon());
    assert.equal(await kube.get(configMap, namespace, "one", soon()), undefined);
  },
  "only the object that was meant is deleted": async ({ kube, namespace }) => {
    const made = await kube.create(mapOf(namespace, {}), soon());
    await assert.rejects(
      kube.delete(configMap, namespace, "one", { uid: "00000000-0000-0000-0000-000000000000" }, soon()),
      refusedWith("Conflict"),
    );
    const { uid } = made.metadata;
    assert.equal(await kube.delete(configMap, namespace, "one", uid ? { uid } : {}, soon()), true);
    assert.equal(await kube.get(configMap, namespace, "one", soon()), undefined);
  },
  "kinds that are served are told from those that are not": async ({ kube }) => {
    assert.equal(await kube.serves(configMap, soon()), true);
    assert.equal(await kube.serves(relayPolicy, soon()), true);
  },
  "a cache holds what there is and hears what changes": async ({ kube, namespace, cache }) => {
    await kube.create(mapOf(namespace, { a: "1" }, { name: "before", labels: { of: "us" } }), soon());
    await using live = cache(configMap, { namespace, labelSelector: "of=us" });
    await live.synced;
    assert.deepEqual(
      [...live.list()].map(({ metadata }) => metadata.name),
      ["before"],
    );
    const heard = listen(live);
    await kube.create(mapOf(namespace, {}, { name: "others", labels: { of: "others" } }), soon());
    await kube.create(mapOf(namespace, { a: "1" }, { name: "new", labels: { of: "us" } }), soon());
    assert.equal((await heard.next("added")).object.metadata.name, "new");
    assert.equal(live.get(namespace, "new")?.kind, "ConfigMap");
    await kube.patch(configMap, namespace, "new", { data: { a: "2" } }, soon());
    const changed = await heard.next("changed");
    assert.deepEqual([changed.before["data"], changed.object["data"]], [{ a: "1" }, { a: "2" }]);
    await kube.delete(configMap, namespace, "new", {}, soon());
    assert.equal((await heard.next("removed")).before.metadata.name, "new");
    assert.equal(live.get(namespace, "new"), undefined);
  },
  "a call ends with its signal": async ({ kube, namespace }) => {
    await assert.rejects(
      kube.get(configMap, namespace, "one", AbortSignal.abort(new Error("enough"))),
      /enough/,
    );
  },
};

interface Shape {
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly name: string;
          readonly image: string;
          readonly env?: readonly { readonly name: string; readonly value: string }[];
        }[];
      };
    };
  };
}

type ChangeOf<K extends Change["kind"]> = Extract<Change, { readonly kind: K }>;

/** Changes as they come, each awaited in its turn. */
function listen(cache: Cache) {
  const heard: Change[] = [];
  let wake = () => {};
  cache.onChange((change) => {
    heard.push(change);
    wake();
  });
  return {
    async next<K extends Change["kind"]>(kind: K): Promise<ChangeOf<K>> {
      const signal = soon();
      while (true) {
        const change = heard.shift();
        if (change?.kind === kind) return change as ChangeOf<K>;
        assert.equal(change, undefined, `unexpected ${change?.kind}`);
        await new Promise<void>((resolve, reject) => {
          wake = resolve;
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        });
      }
    },
  };
}

export function kubeContract(name: string, open: () => Promise<KubeUnderTest>): void {
  for (const [title, run] of Object.entries(cases)) {
    test(`${name}: ${title}`, async () => {
      await using under = await open();
      await run(under);
    });
  }
  test(`${name}: a kind of nobody is not served`, async (t) => {
    await using under = await open();
    if (name === "memory") return t.skip("serves every kind unless told otherwise");
    assert.equal(await under.kube.serves(unheardOf, soon()), false);
  });
}
