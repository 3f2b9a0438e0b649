/**
 * The built-in scaler with everything around it but kubelets: operator, API server, Kubernetes' own controllers, NATS.
 * Pods are objects; each that is made becomes ready at once, and answers for its share of the queue as it is told to.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import { answerFigures, type Counted } from "../../daemon/nats/figures.ts";
import { readLayout } from "../../daemon/nats/layout.ts";
import { JetStreamQueue } from "../../daemon/nats/queue.ts";
import type { PolicyName } from "../../daemon/queue/job.ts";
import { kinds } from "../../operator/kube/kinds.ts";
import type { KubeObject } from "../../operator/kube/object.ts";
import { draft, inline } from "../contract/queue.ts";
import { at } from "../harness/installation.ts";
import { needsKubeApi } from "../harness/kube-api.ts";
import { type Cluster, type OperatorProcess, openCluster, type StandIn, soon } from "../harness/operator.ts";
import { until, untilTrue } from "../harness/until.ts";
import { fetchAnew } from "../harness/web.ts";

const namespace = "bulk";
const policy = `${namespace}/mailing` as PolicyName;
const deployment = "mailing-relay";
/** A look is every five seconds; the rest is room for a machine under load. */
const limitMs = 120_000;
const idle: Counted = { due: 0, deferred: 0, oldestDueMs: 0, sessions: 0 };

describe("scaling", needsKubeApi, () => {
  let cluster: Cluster;
  let operator: OperatorProcess;
  let daemon: StandIn;
  /** What each pod says; one that is not here says nothing. */
  const says = new Map<string, Counted>();
  let asked = 0;
  const answers = new Map<string, Disposable>();

  before(async () => {
    cluster = await openCluster({ controllers: true });
    operator = await cluster.operator();
    daemon = await cluster.daemon("gateway");
    await cluster.namespace(namespace);
  });
  after(async () => {
    for (const answer of answers.values()) answer[Symbol.dispose]();
    await cluster[Symbol.asyncDispose]();
  });

  const alive = ({ metadata }: KubeObject) => metadata.deletionTimestamp === undefined;

  /** Plays kubelet: every pod there is becomes ready and can be asked. */
  async function pods(): Promise<readonly string[]> {
    const labelSelector = "mail.postfleet.dev/policy=mailing";
    const all = (await cluster.kube.list(kinds.Pod, { namespace, labelSelector }, soon())).filter(alive);
    const names = all.map(({ metadata }) => metadata.name).sort();
    for (const name of names) if (!answers.has(name)) await start(name);
    for (const [name, answer] of answers) if (!names.includes(name)) answer[Symbol.dispose]();
    return names;
  }

  async function start(pod: string): Promise<void> {
    says.set(pod, idle);
    const count = () => {
      asked++;
      return says.get(pod) ?? assert.fail("is silent");
    };
    const speaker = { member: `${pod}-1`, pod };
    const pool = { class: "relay", policy } as const;
    answers.set(pod, answerFigures({ link: daemon.link, pool, speaker, count, log: silent }));
    const conditions = [{ type: "Ready", status: "True" }];
    const metadata = { name: pod, namespace };
    await cluster.kube.applyStatus(
      { apiVersion: "v1", kind: "Pod", metadata, status: { phase: "Running", conditions } },
      soon(),
    );
  }

  const size = async () =>
    at(await cluster.kube.get(kinds.Deployment, namespace, deployment, soon()), "spec.replicas");
  const sized = (wanted: number) =>
    until(
      `${wanted} relay pods`,
      async () => {
        const names = await pods();
        return (await size()) === wanted && names.length === wanted ? { names } : undefined;
      },
      limitMs,
    );

  test("as many pods as the work needs: up, held, down by the cheapest, to none, and one again", async () => {
    await cluster.apply({
      apiVersion: "mail.postfleet.dev/v1alpha1",
      kind: "RelayPolicy",
      metadata: { name: "mailing", namespace },
      spec: { autoscaling: { min: 0, max: 4, targetDueJobs: 100, stabilization: "0s" } },
    });
    await untilTrue("the first pod", async () => (await pods()).length === 1, limitMs);
    const [first = ""] = await pods();

    // Up at once, to what is needed.
    says.set(first, { ...idle, due: 250 });
    const { names } = await sized(3);

    // KEDA would be told the same.
    const told = await until(
      "the figure",
      async () => {
        const answer = await fetchAnew(`http://127.0.0.1:${operator.health}/scaling/${policy}`);
        return answer.ok ? ((await answer.json()) as object) : undefined;
      },
      limitMs,
    );
    assert.deepEqual(told, { due: 250 });

    // One that does not answer: nothing shrinks, however little the others have to do.
    const [silentOne = "", cheap = "", busy = ""] = names;
    says.delete(silentOne);
    says.set(cheap, { ...idle, sessions: 1 });
    says.set(busy, { ...idle, sessions: 40 });
    const before = asked;
    await untilTrue("two more looks", () => asked >= before + 6, limitMs);
    assert.equal(await size(), 3);

    // It answers again, and two suffice: the pod that costs least goes.
    says.set(silentOne, { ...idle, due: 150, sessions: 20 });
    const { names: two } = await sized(2);
    assert.deepEqual(two, [silentOne, busy].sort());

    // Nothing is due: none.
    for (const pod of two) says.set(pod, idle);
    await sized(0);

    // The queue itself wakes a policy that has no pods.
    const layout = (await readLayout(daemon.link)) ?? assert.fail("no streams");
    const parts = { link: daemon.link, clock: systemClock, log: silent, ...layout };
    await using queue = await new JetStreamQueue({ ...parts, bodyTtlSeconds: () => 60 }).start();
    const nextAttempt = Date.now();
    await queue.accept({ jobs: [draft({ policy, nextAttempt })], body: inline("x") }, soon());
    await untilTrue("a pod for it", async () => (await pods()).length === 1, limitMs);
  });
});
