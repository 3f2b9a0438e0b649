/**
 * The client and its port's contract, against a real API server.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Call } from "../../operator/kube/calls.ts";
import { type KubeClient, openKube } from "../../operator/kube/client.ts";
import { Informer } from "../../operator/kube/informer.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { KubeError } from "../../operator/kube/port.ts";
import { kubeContract } from "../contract/kube.ts";
import { startFaultProxy } from "../harness/fault-proxy.ts";
import { type KubeApi, needsKubeApi, startKubeApi } from "../harness/kube-api.ts";
import { privileges, serviceAccountName } from "../harness/kube-audit.ts";
import { until } from "../harness/until.ts";

const soon = () => AbortSignal.timeout(120_000);
const surroundings = { clock: systemClock, chance: Math.random, log: silent };

describe("client", needsKubeApi, () => {
  let api: KubeApi;
  let kube: KubeClient;
  let count = 0;
  before(async () => {
    api = await startKubeApi();
    await api.installCrds();
    kube = await api.open();
  });
  after(() => api[Symbol.asyncDispose]());

  async function emptyNamespace(): Promise<string> {
    const name = `empty-${++count}`;
    await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } }, soon());
    return name;
  }

  kubeContract("API server", async () => ({
    kube,
    namespace: await emptyNamespace(),
    cache: (kind, selection) => new Informer(kube, kind, { ...surroundings, selection }),
    [Symbol.asyncDispose]: async () => {},
  }));

  const configMap = (namespace: string, name: string, more: object = {}): KubeObject => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace, name },
    ...more,
  });

  test("five hundred calls, one after the other, need one TLS handshake", async () => {
    await using client = await openKube({ kubeconfig: api.kubeconfig, env: {} });
    for (let i = 0; i < 500; i++) await client.get(kinds.ConfigMap, "default", "none", soon());
    assert.deepEqual(client.traffic, { connections: 1, requests: 500 });
  });

  test("five hundred calls at once share a bounded number of connections", async () => {
    await using client = await openKube({ kubeconfig: api.kubeconfig, env: {} });
    const all = Array.from({ length: 500 }, () => client.get(kinds.ConfigMap, "default", "none", soon()));
    await Promise.all(all);
    assert.equal(client.traffic.requests, 500);
    assert.ok(client.traffic.connections <= 32, `${client.traffic.connections} connections`);
  });

  test("a list of several pages comes whole and typed", async () => {
    const namespace = await emptyNamespace();
    const names = Array.from({ length: 1_201 }, (_, i) => `m-${String(i).padStart(4, "0")}`);
    await Promise.all(names.map((name) => kube.create(configMap(namespace, name), soon())));
    const calls: Call[] = [];
    await using client = await openKube({
      kubeconfig: api.kubeconfig,
      env: {},
      observe: (c) => calls.push(c),
    });
    const found = await client.list(kinds.ConfigMap, { namespace }, soon());
    assert.deepEqual(found.map(({ metadata }) => metadata.name).sort(), names);
    assert.ok(found.every(({ kind, apiVersion }) => kind === "ConfigMap" && apiVersion === "v1"));
    assert.deepEqual(
      calls.map(({ verb, kind, code }) => [verb, kind, code]),
      [1, 2, 3].map(() => ["list", "ConfigMap", "200"]),
    );
  });

  test("metadata of foreign Secrets is watched without their contents ever coming here", async () => {
    const namespace = await emptyNamespace();
    const secret = (name: string) => ({
      ...{ apiVersion: "v1", kind: "Secret", metadata: { namespace, name, labels: { a: "b" } } },
      stringData: { password: "never-to-be-seen" },
    });
    await kube.create(secret("listed"), soon());
    const options = { ...surroundings, selection: { namespace }, metadataOnly: true };
    await using secrets = new Informer(kube, kinds.Secret, options);
    await secrets.synced;
    await kube.create(secret("watched"), soon());
    await until("the second Secret", () => secrets.get(namespace, "watched"));
    for (const name of ["listed", "watched"]) {
      const { metadata, ...rest } = secrets.get(namespace, name) as KubeObject;
      assert.deepEqual(rest, { apiVersion: "v1", kind: "Secret" });
      assert.deepEqual([metadata.name, metadata.labels], [name, { a: "b" }]);
    }
  });

  test("what is kept of an object is what the transform leaves, never managedFields", async () => {
    const namespace = await emptyNamespace();
    await kube.apply(configMap(namespace, "big", { data: { a: "1", b: "2" } }), soon());
    const transform = ({ data: _, ...rest }: KubeObject & { data?: unknown }) => rest as KubeObject;
    await using maps = new Informer(kube, kinds.ConfigMap, {
      ...surroundings,
      selection: { namespace },
      transform,
    });
    await maps.synced;
    const kept = maps.get(namespace, "big") as KubeObject;
    assert.deepEqual(Object.keys(kept).sort(), ["apiVersion", "kind", "metadata"]);
    assert.ok(!("managedFields" in kept.metadata));
  });

  test("our fields carry our name, and a refusal says which rule was broken", async () => {
    const namespace = await emptyNamespace();
    const live = await kube.apply(configMap(namespace, "one", { data: { a: "1" } }), soon());
    const { managedFields } = live.metadata as unknown as {
      managedFields: { manager: string; operation: string }[];
    };
    assert.deepEqual(
      managedFields.map(({ manager, operation }) => [manager, operation]),
      [["postfleet-operator", "Apply"]],
    );
    const { apiVersion, kind } = kinds.MailDomain;
    const bad = { apiVersion, kind, metadata: { namespace, name: "bad" }, spec: { domain: "no domain" } };
    await assert.rejects(kube.apply(bad, soon()), (error) => {
      assert.ok(error instanceof KubeError);
      assert.deepEqual([error.status, error.reason], [422, "Invalid"]);
      assert.match(error.message, /^apply MailDomain bad: .*spec\.domain/);
      return true;
    });
  });

  test("a guarded client asks before each write, and only then", async () => {
    const namespace = await emptyNamespace();
    let allowed = true;
    let asked = 0;
    const guarded = kube.guarded(() => {
      asked++;
      if (!allowed) throw new Error("somebody else leads");
    });
    await guarded.create(configMap(namespace, "one"), soon());
    allowed = false;
    assert.ok(await guarded.get(kinds.ConfigMap, namespace, "one", soon()));
    assert.equal(asked, 1);
    await assert.rejects(
      guarded.apply(configMap(namespace, "one", { data: { a: "1" } }), soon()),
      /somebody else/,
    );
    await assert.rejects(
      guarded.delete(kinds.ConfigMap, namespace, "one", {}, soon()),
      /somebody else leads/,
    );
    const left = await kube.get(kinds.ConfigMap, namespace, "one", soon());
    assert.equal(left?.["data"], undefined);
  });

  test("a server that asks to wait is quoted", async () => {
    await using proxy = await startFaultProxy(api);
    await using client = await openKube({ kubeconfig: proxy.kubeconfig, env: {} });
    proxy.spoil(1, [429]);
    await assert.rejects(client.get(kinds.ConfigMap, "default", "x", soon()), (error) => {
      assert.ok(error instanceof KubeError);
      assert.deepEqual([error.status, error.reason, error.retryAfterMs], [429, "TooManyRequests", 1_000]);
      return true;
    });
  });

  test("connections that were closed while they were idle harm no call", async () => {
    await using proxy = await startFaultProxy(api);
    await using client = await openKube({ kubeconfig: proxy.kubeconfig, env: {} });
    for (let i = 0; i < 20; i++) {
      assert.equal(await client.get(kinds.ConfigMap, "default", "none", soon()), undefined);
      proxy.cut();
    }
  });

  test("a service account does what its roles allow; the audit log tells what, and what was refused", async () => {
    const namespace = await emptyNamespace();
    const kubeconfig = await api.serviceAccount(namespace, "little");
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "delete"] }];
    const group = "rbac.authorization.k8s.io";
    const [role, binding] = [kinds.Role, kinds.RoleBinding].map(({ apiVersion, kind }) => ({
      ...{ apiVersion, kind, metadata: { namespace, name: "little" } },
    })) as [KubeObject, KubeObject];
    await kube.create({ ...role, rules }, soon());
    const subjects = [{ kind: "ServiceAccount", name: "little", namespace }];
    const roleRef = { apiGroup: group, kind: "Role", name: "little" };
    await kube.create({ ...binding, subjects, roleRef }, soon());
    const little = await api.open(kubeconfig);
    assert.equal(little.namespace, namespace);
    // The authorizer learns of a new role a moment later.
    await until("the role to count", () =>
      little.get(kinds.ConfigMap, namespace, "a", soon()).then(
        () => true,
        () => undefined,
      ),
    );
    await assert.rejects(little.get(kinds.Secret, namespace, "a", soon()), { reason: "Forbidden" });
    assert.equal(await little.serves(kinds.Deployment, soon()), true);
    const told = await until("the audit log", async () => {
      const found = privileges(await api.audit(), serviceAccountName(namespace, "little"), rules);
      return found.refused.some((right) => right.includes("secrets")) ? found : undefined;
    });
    assert.ok(told.refused.includes(`get /secrets in ${namespace}`));
    assert.ok((told.used.get("get /configmaps") ?? 0) >= 1);
    assert.deepEqual(told.unused, ["delete /configmaps"]);
  });
});
