/**
 * Leader election with real processes, the real timing of 15, 10 and 2 s, and a real API server that writes down, in its
 * order, who acted. A leader is stopped, killed and frozen.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, type TestContext, test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { KubeClient } from "../../operator/kube/client.ts";
import { Informer } from "../../operator/kube/informer.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { CLEAN_MS, CRASH_MS, handedOver, ROUNDS } from "../harness/handed-over.ts";
import { type KubeApi, needsKubeApi, startKubeApi } from "../harness/kube-api.ts";
import { root } from "../harness/source.ts";
import { until } from "../harness/until.ts";

const soon = () => AbortSignal.timeout(120_000);
/** What a machine that is busy with other tests gets on top. */
const BUSY_MS = 4_000;

describe("election", { ...needsKubeApi, concurrency: true }, () => {
  let api: KubeApi;
  let kube: KubeClient;
  before(async () => {
    api = await startKubeApi();
    kube = await api.open();
  });
  after(() => api[Symbol.asyncDispose]());

  /** Two candidates, the first of whom leads; and who acted, in the API server's order. */
  async function race(t: TestContext, namespace: string) {
    await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, soon());
    const acts = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name: "acts" } };
    await kube.create<KubeObject>({ ...acts, data: {} }, soon());
    const log = new Informer(kube, kinds.ConfigMap, {
      ...{ clock: systemClock, chance: Math.random, log: silent },
      selection: { namespace, fieldSelector: "metadata.name=acts" },
    });
    t.after(() => log[Symbol.asyncDispose]());
    await log.synced;
    const order: { readonly by: string; readonly at: number }[] = [];
    log.onChange((change) => {
      const { by } = ("object" in change ? change.object["data"] : {}) as { by?: string };
      if (by !== undefined) order.push({ by, at: performance.now() });
    });
    const acting = (by: string, since: number) =>
      until(`${by} to act`, () => order.find((act) => act.by === by && act.at > since));
    const start = async (name: string) => {
      const process = new Process(api.kubeconfig, namespace, name);
      t.after(() => process.kill("SIGKILL"));
      return process;
    };
    const first = await start("first");
    await first.says("leading");
    const second = await start("second");
    await acting("first", 0);
    /** Once the second has acted, the first may not have acted any more. */
    const neverTwo = () => {
      const handed = order.findIndex(({ by }) => by === "second");
      assert.ok(handed > 0);
      assert.deepEqual([...new Set(order.slice(handed).map(({ by }) => by))], ["second"]);
    };
    return { first, second, acting, order, neverTwo };
  }

  test("a leader that is asked to stop hands over within 3 s", async (t) => {
    await handedOver(t, { limitMs: CLEAN_MS, busyMs: BUSY_MS }, async (round) => {
      const { first, second, acting, neverTwo } = await race(t, `clean-${round}`);
      // The standby has had its first look, and waits for its next.
      await systemClock.sleep(3_000);
      const begin = performance.now();
      first.kill("SIGTERM");
      const { at } = await acting("second", begin);
      await first.says("ended released");
      neverTwo();
      second.kill("SIGTERM");
      await second.says("ended released");
      return at - begin;
    });
  });

  test("a leader that is killed is followed within 20 s", async (t) => {
    await handedOver(t, { limitMs: CRASH_MS, busyMs: BUSY_MS }, async (round) => {
      const { first, acting, neverTwo } = await race(t, `crash-${round}`);
      await systemClock.sleep(3_000);
      const begin = performance.now();
      first.kill("SIGKILL");
      const { at } = await acting("second", begin);
      neverTwo();
      // Not before the lease could have ended, which is never right but where the first stood still before it was killed.
      return at - begin > 10_000 ? at - begin : Number.POSITIVE_INFINITY;
    });
  });

  test("a leader that was frozen and wakes up does not act any more", async (t) => {
    await handedOver(t, { limitMs: CRASH_MS, busyMs: BUSY_MS }, async (round) => {
      const { first, acting, neverTwo, order } = await race(t, `frozen-${round}`);
      await systemClock.sleep(3_000);
      const begin = performance.now();
      first.kill("SIGSTOP");
      const { at } = await acting("second", begin);
      const before = order.length;
      first.kill("SIGCONT");
      await first.says("ended lost");
      await until("the second to go on", () => (order.length > before + 20 ? true : undefined));
      neverTwo();
      return at - begin;
    });
  });

  test("a leader that was frozen for less than the deadline goes on leading", async (t) => {
    for (let round = 0; ; round++) {
      const { first, acting, order } = await race(t, `dozing-${round}`);
      const begin = performance.now();
      first.kill("SIGSTOP");
      await systemClock.sleep(3_000);
      const woken = performance.now();
      first.kill("SIGCONT");
      // A machine that stood still meanwhile has made it sleep for longer than it was to.
      if (woken - begin > 6_000 && round < ROUNDS) continue;
      await acting("first", woken);
      await systemClock.sleep(3_000);
      assert.ok(order.every(({ by }) => by === "first"));
      return;
    }
  });
});

class Process {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];

  constructor(kubeconfig: string, namespace: string, name: string) {
    const program = join(root, "test/harness/elector.ts");
    const args = ["--disable-warning=ExperimentalWarning", program, kubeconfig, namespace, name];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const { stdout } = this.#child;
    if (stdout) createInterface(stdout).on("line", (line) => this.#lines.push(line));
  }

  says(line: string): Promise<true> {
    return until(`"${line}"`, () => (this.#lines.includes(line) ? true : undefined));
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill(signal);
    if (signal === "SIGKILL") await once(this.#child, "exit");
  }
}
