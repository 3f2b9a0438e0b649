/**
 * Several operators, of which one acts: the leader is stopped, killed and frozen, with the real timing of 15, 10 and 2 s.
 * Each has a service account of its own, so that the audit log tells who wrote what.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { kinds } from "../../operator/kube/kinds.ts";
import { CLEAN_MS, CRASH_MS, handedOver } from "../harness/handed-over.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import { type AuditEntry, serviceAccountName } from "../harness/kube-audit.ts";
import { ready as isReady, resource } from "../harness/kube-resources.ts";
import { type Cluster, type OperatorProcess, openCluster, release } from "../harness/operator.ts";
import { until } from "../harness/until.ts";
import { fetchAnew } from "../harness/web.ts";

/** What a machine that is busy with other tests gets on top. */
const BUSY_MS = 6_000;
const limitMs = 180_000;
const writes = new Set(["create", "update", "patch", "delete"]);

describe("operators", needsKubeApi, () => {
  let cluster: Cluster;
  let leader: OperatorProcess;
  let count = 0;
  const names = new Map<OperatorProcess, string>();

  before(async () => {
    cluster = await openCluster();
    leader = await another();
    await leader.says("leading");
    await cluster.daemon("gateway");
    await cluster.daemon("mailbox");
  });
  after(() => cluster[Symbol.asyncDispose]());

  /** An operator with an account of its own, which may do everything. */
  async function another(): Promise<OperatorProcess> {
    const name = `operator-${++count}`;
    const kubeconfig = await cluster.api.serviceAccount(release.namespace, name);
    const account = `${release.namespace}:${name}`;
    const role = ["--clusterrole", "cluster-admin", "--serviceaccount", account];
    await cluster.api.kubectl("create", "clusterrolebinding", name, ...role);
    const operator = await cluster.operator({ kubeconfig, pod: name });
    names.set(operator, name);
    return operator;
  }

  /** Declares a domain, and waits until it is ready. */
  async function domain(name: string, limitMs: number): Promise<void> {
    const team = await cluster.namespace();
    await cluster.apply(resource("MailDomain", team, name, { domain: `${name}.test` }));
    await cluster.see(kinds.MailDomain, team, name, isReady, limitMs);
  }

  /** What this operator changed in the cluster, its lease apart. */
  async function changes(operator: OperatorProcess): Promise<readonly AuditEntry[]> {
    const user = serviceAccountName(release.namespace, names.get(operator) ?? "");
    return (await cluster.api.audit()).filter(
      (entry) =>
        entry.user === user && writes.has(entry.verb) && entry.resource !== "leases" && entry.code < 300,
    );
  }

  /** After the first change of `next` there is none of `before`. */
  async function neverTwo(before: OperatorProcess, next: OperatorProcess): Promise<void> {
    const begun = await until(
      "the next leader's changes in the audit log",
      async () => (await changes(next)).map(({ received }) => received).toSorted()[0],
    );
    const late = (await changes(before)).filter(({ received }) => received > begun);
    assert.deepEqual(late, []);
  }

  async function standby(): Promise<OperatorProcess> {
    const operator = await another();
    // It knows the lease, and everything that a leader needs to know.
    await until("the standby's caches", async () => {
      const figures = await operator.metrics();
      const of = (name: string) =>
        new RegExp(`^${name}\\{kind="MailDomain"\\} (\\d+)$`, "m").exec(figures)?.[1];
      return of("postfleet_operator_watches_synced") === "1" ? true : undefined;
    });
    assert.match(await operator.metrics(), /^postfleet_operator_leader 0$/m);
    assert.equal((await fetchAnew(`http://127.0.0.1:${operator.health}/readyz`)).status, 200);
    return operator;
  }

  test("a leader that is stopped hands over, and the next goes on where it was", async (t) => {
    await domain("first", limitMs);
    await handedOver(t, { limitMs: CLEAN_MS, busyMs: BUSY_MS }, async (round) => {
      const next = await standby();
      const begin = performance.now();
      leader.kill("SIGTERM");
      await next.says("leading");
      const took = performance.now() - begin;
      assert.equal(await leader.exited, 0);
      await domain(`second-${round}`, limitMs);
      assert.match(await next.metrics(), /^postfleet_operator_leader 1$/m);
      await neverTwo(leader, next);
      leader = next;
      return took;
    });
  });

  test("a leader that is killed is followed; what was declared meanwhile is taken care of", async (t) => {
    await handedOver(t, { limitMs: CRASH_MS, busyMs: BUSY_MS }, async (round) => {
      const next = await standby();
      const begin = performance.now();
      leader.kill("SIGKILL");
      const orphan = domain(`orphan-${round}`, limitMs);
      await next.says("leading");
      const took = performance.now() - begin;
      await orphan;
      t.diagnostic(`what was declared at once is ready after ${Math.round(performance.now() - begin)} ms`);
      await neverTwo(leader, next);
      leader = next;
      return took;
    });
  });

  test("a leader that is frozen is followed, and changes nothing when it wakes up", async (t) => {
    await handedOver(t, { limitMs: CRASH_MS, busyMs: BUSY_MS }, async (round) => {
      const next = await standby();
      const begin = performance.now();
      leader.kill("SIGSTOP");
      const orphan = domain(`frozen-${round}`, limitMs);
      await next.says("leading");
      const took = performance.now() - begin;
      await orphan;
      const woken = new Date().toISOString();
      leader.kill("SIGCONT");
      await leader.says("standing by again");
      assert.match(await leader.metrics(), /^postfleet_operator_leader 0$/m);
      await neverTwo(leader, next);
      assert.deepEqual(
        (await changes(leader)).filter(({ received }) => received > woken),
        [],
      );
      // It would take the lease in a next round, if there is one, by being first to see it free.
      await leader[Symbol.asyncDispose]();
      leader = next;
      return took;
    });
  });
});
