/**
 * The operator while its way to the API server is bad: what was declared and what was damaged meanwhile is put right
 * afterwards. POSTFLEET_FAULT_SECONDS=60 makes the first test as long as an outage.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { kinds } from "../../operator/kube/kinds.ts";
import { type FaultProxy, startFaultProxy } from "../harness/fault-proxy.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import { ready as isReady, resource } from "../harness/kube-resources.ts";
import { type Cluster, type OperatorProcess, openCluster, soon } from "../harness/operator.ts";
import { until } from "../harness/until.ts";

const faultMs = Number(process.env["POSTFLEET_FAULT_SECONDS"] ?? 6) * 1_000;
const limitMs = 180_000;

describe("outage", needsKubeApi, () => {
  let cluster: Cluster;
  let proxy: FaultProxy;
  let operator: OperatorProcess;

  before(async () => {
    cluster = await openCluster();
    proxy = await startFaultProxy(cluster.api);
    operator = await cluster.operator({ kubeconfig: proxy.kubeconfig });
    await cluster.daemon("gateway");
    await cluster.daemon("mailbox");
  });
  after(async () => {
    await cluster[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  const declare = async (team: string, name: string) =>
    void (await cluster.apply(resource("MailDomain", team, name, { domain: `${name}.test` })));
  const ready = (team: string, name: string) => cluster.see(kinds.MailDomain, team, name, isReady, limitMs);
  const relay = (team: string) => cluster.see(kinds.Deployment, team, "default-relay", () => true, limitMs);
  /** As somebody with more rights than sense. */
  const damage = async (team: string) => {
    await cluster.kube.delete(kinds.Deployment, team, "default-relay", {}, soon());
    const deletion = cluster.kube.delete(kinds.NetworkPolicy, team, "default-relay", {}, soon());
    await deletion.catch(() => {});
  };
  const forsaken: string[] = [];
  const forsake = async (team: string, name: string) => {
    forsaken.push(name);
    await cluster.kube.delete(kinds.MailDomain, team, name, {}, soon());
  };
  const millis = (begin: number) => Math.round(performance.now() - begin);

  test("409, 429, 500, cut and lost calls on thirty of a hundred: all is ready and whole at the end", async (t) => {
    const team = await cluster.namespace();
    await declare(team, "steady");
    await ready(team, "steady");
    await relay(team);
    proxy.spoil(0.3, [409, 429, 500, "cut", "lost"]);
    const names: string[] = [];
    for (const end = performance.now() + faultMs; performance.now() < end; ) {
      const name = `spoiled-${names.length + forsaken.length}`;
      names.push(name);
      await declare(team, name);
      await damage(team);
      if ((names.length + forsaken.length) % 4 === 0) await forsake(team, names.pop() ?? "");
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    proxy.spoil(0, []);
    const begin = performance.now();
    for (const name of names) await ready(team, name);
    for (const name of forsaken) await cluster.gone(kinds.MailDomain, team, name, limitMs);
    await relay(team);
    const { passed, spoiled } = proxy.figures;
    t.diagnostic(`${faultMs} ms, ${passed} calls passed, ${spoiled} spoiled`);
    t.diagnostic(
      `${names.length} domains ready and ${forsaken.length} gone ${millis(begin)} ms after the end`,
    );
    assert.ok(spoiled > 20, `only ${spoiled}`);
    assert.ok(!operator.log.some(({ msg }) => msg === "standing by again"), "the lease was lost");
  });

  test("an API server that is killed and comes back", async (t) => {
    const team = await cluster.namespace();
    await declare(team, "killed");
    await ready(team, "killed");
    await relay(team);
    await cluster.api.kill9();
    const failing = /^postfleet_operator_watch_failing\{.*\} [1-9]/m;
    await until("the loss to be noticed", async () =>
      failing.test(await operator.metrics()) ? true : undefined,
    );
    await cluster.api.restart();
    const begin = performance.now();
    await damage(team);
    await declare(team, "back");
    await ready(team, "back");
    await relay(team);
    t.diagnostic(`ready and repaired ${millis(begin)} ms after it was back`);
  });

  test("a network that drops every connection", async () => {
    const team = await cluster.namespace();
    for (let n = 0; n < 5; n++) {
      proxy.cut();
      await declare(team, `dropped-${n}`);
    }
    for (let n = 0; n < 5; n++) await ready(team, `dropped-${n}`);
  });

  test("watches that are told their version is too old", async () => {
    const team = await cluster.namespace();
    proxy.gone(20);
    proxy.cut();
    await declare(team, "old");
    await ready(team, "old");
    const expired = /^postfleet_operator_watch_failures_total\{.*reason="Expired"\} \d+$/m;
    assert.match(await operator.metrics(), expired);
  });
});
