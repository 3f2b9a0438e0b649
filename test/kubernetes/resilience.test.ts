/**
 * Informer and work queue while the way to the API server is bad. POSTFLEET_FAULT_SECONDS=60 makes the first test as long
 * as an outage.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { KubeClient } from "../../operator/kube/client.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import { type Copier, copyOf, parent, startCopier } from "../harness/copier.ts";
import { type FaultProxy, startFaultProxy } from "../harness/fault-proxy.ts";
import { type KubeApi, needsKubeApi, startKubeApi } from "../harness/kube-api.ts";
import { logBook } from "../harness/log-book.ts";
import { until } from "../harness/until.ts";
import { fetchAnew } from "../harness/web.ts";

const soon = () => AbortSignal.timeout(120_000);
const faultMs = Number(process.env["POSTFLEET_FAULT_SECONDS"] ?? 5) * 1_000;
/** A watch that ends each second or two: silence is noticed soon, and beginnings can be spoiled often. */
const short = { watchSeconds: 1, quietSeconds: 1, silenceMs: 5_000 };

describe("resilience", needsKubeApi, () => {
  let api: KubeApi;
  let direct: KubeClient;
  let count = 0;
  before(async () => {
    api = await startKubeApi();
    direct = await api.open();
  });
  after(() => api[Symbol.asyncDispose]());

  /** A namespace of its own, a copier that works in it by way of a proxy, and all its troubles. */
  async function world(limits: object = short) {
    const namespace = `bad-${++count}`;
    await direct.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, soon());
    const proxy = await startFaultProxy(api);
    const client = await api.open(proxy.kubeconfig);
    const troubles: string[] = [];
    const log = logBook();
    const onTrouble = (reason: string) => void troubles.push(reason);
    const copier = await startCopier({ client, namespace, limits, onTrouble, log });
    return {
      ...{ namespace, proxy, copier, troubles, log },
      async [Symbol.asyncDispose]() {
        await copier[Symbol.asyncDispose]();
        await proxy[Symbol.asyncDispose]();
      },
    };
  }
  interface World {
    readonly namespace: string;
    readonly proxy: FaultProxy;
    readonly copier: Copier;
  }

  const put = ({ namespace }: World, name: string, value: string, labels = {}) =>
    direct.apply(parent(namespace, name, { value }, labels), soon());
  const remove = ({ namespace }: World, name: string) =>
    direct.delete(kinds.ConfigMap, namespace, name, {}, soon());

  /** Waits until every parent has its twin and nothing else is there. */
  async function converged(
    it: World,
    parents: ReadonlyMap<string, string>,
    limitMs = 180_000,
  ): Promise<void> {
    const wanted = [...parents]
      .flatMap(([name, value]) => [`${name}=${value}`, `${copyOf(name)}=${value}`])
      .sort();
    const there = async () => {
      const found = await direct.list(kinds.ConfigMap, { namespace: it.namespace }, soon());
      return found
        .map(({ metadata, data }) => `${metadata.name}=${(data as { value?: string }).value}`)
        .sort();
    };
    const same = async () => JSON.stringify(await there()) === JSON.stringify(wanted);
    await until("all twins", async () => ((await same()) ? true : undefined), limitMs).catch(async () =>
      assert.deepEqual(await there(), wanted),
    );
  }

  test("409, 429, 500, cut and lost calls on thirty of a hundred: nothing is missed", async (t) => {
    await using it = await world();
    const parents = new Map<string, string>();
    it.proxy.spoil(0.3, [409, 429, 500, "cut", "lost"]);
    const end = performance.now() + faultMs;
    for (let n = 0; performance.now() < end; n++) {
      const name = `p-${n % 40}`;
      if (n % 7 === 6 && parents.has(name)) {
        parents.delete(name);
        await remove(it, name);
      } else {
        parents.set(name, String(n));
        await put(it, name, String(n));
      }
      if (n % 5 === 0) await direct.delete(kinds.ConfigMap, it.namespace, copyOf(name), {}, soon());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    it.proxy.spoil(0, []);
    await converged(it, parents);
    const { passed, spoiled } = it.proxy.figures;
    t.diagnostic(`${faultMs} ms, ${parents.size} parents, ${passed} calls passed, ${spoiled} spoiled`);
    assert.ok(spoiled > 10, `only ${spoiled} calls were spoiled`);
    assert.deepEqual(it.log.said("error"), []);
  });

  test("an API server that is killed and comes back is followed again", async (t) => {
    await using it = await world();
    const parents = new Map([["before", "1"]]);
    await put(it, "before", "1");
    await converged(it, parents);
    await api.kill9();
    await until("the loss to be noticed", () => (it.copier.maps.figures.failures > 0 ? true : undefined));
    await api.restart();
    const begin = performance.now();
    parents.set("after", "2");
    await put(it, "after", "2");
    await remove(it, copyOf("before"));
    await converged(it, parents);
    t.diagnostic(`all repaired ${Math.round(performance.now() - begin)} ms after it was back`);
    await until("nothing to fail any more", () => it.copier.maps.figures.failures === 0 || undefined);
  });

  test("a watch that was swallowed by the network is noticed by its silence", async () => {
    await using it = await world({ watchSeconds: 600, quietSeconds: 600, silenceMs: 2_000 });
    await put(it, "before", "1");
    await converged(it, new Map([["before", "1"]]));
    it.proxy.silence(true);
    await put(it, "during", "2");
    await until("the silence to be noticed", () => (it.troubles.includes("SilentWatch") ? true : undefined));
    it.proxy.silence(false);
    await converged(
      it,
      new Map([
        ["before", "1"],
        ["during", "2"],
      ]),
    );
  });

  test("a version that is too old leads to a new list, and only differences are told", async () => {
    await using it = await world();
    await put(it, "stays", "1");
    await converged(it, new Map([["stays", "1"]]));
    const told: string[] = [];
    it.copier.maps.onChange((change) => {
      told.push((change.kind === "removed" ? change.before : change.object).metadata.name);
    });
    const { lists } = it.copier.maps.figures;
    it.proxy.gone(1);
    it.proxy.cut();
    await until("a new list", () => (it.copier.maps.figures.lists > lists ? true : undefined));
    await put(it, "new", "2");
    await converged(
      it,
      new Map([
        ["stays", "1"],
        ["new", "2"],
      ]),
    );
    assert.ok(it.troubles.includes("Expired"));
    assert.deepEqual([...new Set(told)].sort(), ["new", "new-copy"]);
  });

  test("history that etcd has compacted away, as an operator finds it after a long outage", async () => {
    await using it = await world({ watchSeconds: 600, quietSeconds: 600, silenceMs: 60_000 });
    const parents = new Map([["old", "1"]]);
    await put(it, "old", "1");
    await put(it, "doomed", "1");
    await converged(it, new Map([...parents, ["doomed", "1"]]));
    it.proxy.silence(true);
    await remove(it, "doomed");
    for (let n = 0; n < 20; n++) await put(it, `new-${n}`, String(n));
    for (let n = 0; n < 20; n++) parents.set(`new-${n}`, String(n));
    await api.kill9();
    await compactEtcd(api);
    await api.restart();
    it.proxy.silence(false);
    it.proxy.cut();
    await converged(it, parents);
    assert.ok(it.troubles.includes("Expired"), it.troubles.join());
  });

  test("a thousand objects that can never be reconciled do not keep a new one waiting", async (t) => {
    await using it = await world({});
    const names = Array.from({ length: 1_000 }, (_, n) => `bad-${n}`);
    await Promise.all(names.map((name) => put(it, name, "x", { wish: "impossible" })));
    const { queue } = it.copier;
    await until("all of them to fail", () => (queue.figures.failing >= 1_000 ? true : undefined), 120_000);
    const waits: number[] = [];
    for (let n = 0; n < 10; n++) {
      const begin = performance.now();
      await put(it, `good-${n}`, "y");
      await until("its twin", () => it.copier.maps.get(it.namespace, copyOf(`good-${n}`)));
      waits.push(Math.round(performance.now() - begin));
    }
    t.diagnostic(`a new one was done after ${waits.toSorted((a, b) => a - b).join(", ")} ms`);
    assert.ok(queue.figures.failing >= 1_000);
    // 2 s is what is promised; a machine that is busy with other tests may take its time.
    assert.ok(Math.min(...waits) < 2_000, waits.join());
  });
});

/** By etcd's JSON gateway; its port is the one after the API server's. */
async function compactEtcd(api: KubeApi): Promise<void> {
  const post = async (path: string, body: object) => {
    const url = `http://127.0.0.1:${Number(api.server.port) + 1}/v3/kv/${path}`;
    const answer = await fetchAnew(url, { method: "POST", body: JSON.stringify(body) });
    assert.equal(answer.status, 200, await answer.clone().text());
    return (await answer.json()) as { header: { revision: string } };
  };
  const { header } = await post("range", { key: Buffer.from("/none").toString("base64") });
  await post("compaction", { revision: header.revision, physical: true });
}
