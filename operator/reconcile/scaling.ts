/**
 * Figures of every policy, and the sizes that follow from them.
 *
 * In:     the policies there are; what their relays tell, every few seconds.
 * Out:    `of(key)`: the last figures, for statuses, metrics and other scalers; `/scale` and pod-deletion-cost written
 *         where the mode is Builtin.
 * Fails:  never: figures that are missing hold the size. A policy whose relays sleep is asked of the queue itself.
 */
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { componentLabel, labelValue, policyLabel, relayName } from "../desired/names.ts";
import { cheapest, costPatches, deletionCostAnnotation } from "../desired/scaler.ts";
import { kinds } from "../kube/kinds.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Cache, Events, Kube } from "../kube/port.ts";
import { isReady, type Pod } from "./fleet.ts";
import type { Figures, PolicyFigures } from "./ports.ts";
import { isFrozen, isLeaving, keyOf, namespaceOf, type RelayPolicy } from "./resources.ts";
import type { Decide, Decision, Memory } from "./size.ts";

export interface Known {
  readonly figures: PolicyFigures;
  /** ms since the epoch */
  readonly at: number;
}

export interface PolicyGauge {
  readonly namespace: string;
  readonly name: string;
  readonly due: number;
  readonly deferred: number;
  readonly oldestDueSeconds: number;
  readonly sessions: number;
}

export interface ScalingOptions {
  readonly kube: Kube;
  readonly policies: Cache<RelayPolicy>;
  readonly pods: Cache<Pod>;
  readonly deploymentOf: (namespace: string, name: string) => KubeObject | undefined;
  readonly figures: Figures;
  readonly decide: Decide;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Log;
  /** Calls when figures of a policy are known for the first time. */
  readonly onFirst: (key: string) => void;
  readonly everyMs?: number;
}

const patienceMs = 3_000;

export class Scaling implements AsyncDisposable {
  readonly #options: ScalingOptions;
  readonly #known = new Map<string, Known>();
  readonly #memories = new Map<string, Memory>();
  readonly #stop = new AbortController();
  readonly #working: Promise<void>;

  /** Begins at once. */
  constructor(options: ScalingOptions) {
    this.#options = options;
    this.#working = this.#workForEver();
  }

  of(key: string): Known | undefined {
    return this.#known.get(key);
  }

  /** For metrics: what is known of each policy. */
  *gauges(): Iterable<PolicyGauge> {
    const now = this.#options.clock.now();
    for (const policy of this.#options.policies.list()) {
      const known = this.#known.get(keyOf(policy));
      if (!known) continue;
      const { due, deferred, oldestDue = now, members } = known.figures;
      const sessions = members.reduce((sum, member) => sum + member.sessions, 0);
      const oldestDueSeconds = Math.max(0, (now - oldestDue) / 1_000);
      yield {
        namespace: namespaceOf(policy),
        name: policy.metadata.name,
        due,
        deferred,
        oldestDueSeconds,
        sessions,
      };
    }
  }

  forget(key: string): void {
    this.#known.delete(key);
    this.#memories.delete(key);
  }

  async #workForEver(): Promise<void> {
    const { clock, policies, everyMs = 5_000 } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const all = [...policies.list()];
      await Promise.all(all.map((policy) => this.#lookAt(policy, signal)));
      await clock.sleep(everyMs, signal).catch(() => {});
    }
  }

  async #lookAt(policy: RelayPolicy, signal: AbortSignal): Promise<void> {
    try {
      const pods = this.#podsOf(policy);
      const figures = await this.#ask(policy, pods, signal);
      if (signal.aborted) return;
      const key = keyOf(policy);
      const first = figures !== undefined && !this.#known.has(key);
      if (figures) this.#known.set(key, { figures, at: this.#options.clock.now() });
      if (first) this.#options.onFirst(key);
      if (policy.spec.autoscaling.mode !== "Builtin" || isFrozen(policy)) return;
      await this.#resize(policy, pods, figures, signal);
    } catch (error) {
      if (!signal.aborted)
        this.#options.log.warn(
          { err: error, policy: keyOf(policy) },
          "a relay cannot be sized now; it stays",
        );
    }
  }

  async #ask(
    policy: RelayPolicy,
    pods: readonly Pod[],
    signal: AbortSignal,
  ): Promise<PolicyFigures | undefined> {
    const { figures, clock } = this.#options;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    const names = pods.filter(isReady).map(({ metadata }) => metadata.name);
    if (names.length > 0) return figures.of(keyOf(policy), names, limit);
    const next = await figures.nextAttempt(keyOf(policy), limit);
    const now = clock.now();
    if (next === undefined) return { due: 0, deferred: 0, members: [] };
    if (next > now) return { due: 0, deferred: 1, members: [] };
    return { due: 1, deferred: 0, oldestDue: next, members: [] };
  }

  async #resize(
    policy: RelayPolicy,
    pods: readonly Pod[],
    figures: PolicyFigures | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { kube, deploymentOf, decide, clock, log } = this.#options;
    const [namespace, name] = [namespaceOf(policy), policy.metadata.name];
    const deployment = deploymentOf(namespace, relayName(name));
    if (!deployment) return;
    const size = (deployment["spec"] as { readonly replicas?: number } | undefined)?.replicas ?? 1;
    const key = keyOf(policy);
    const decision: Decision = decide({
      spec: policy.spec,
      size,
      figures,
      leaving: isLeaving(policy),
      now: clock.monotonic(),
      nowWall: clock.now(),
      memory: this.#memories.get(key),
    });
    this.#memories.set(key, decision.memory);
    if (decision.size === size) return;
    if (decision.size < size && figures) await this.#markCheapest(namespace, pods, figures, signal);
    await kube.scale(kinds.Deployment, namespace, relayName(name), decision.size, signal);
    log.info({ policy: key, from: size, to: decision.size, why: decision.why }, "relay resized");
    const words = `from ${size} to ${decision.size} relay pods: ${decision.why}`;
    this.#options.events.record(policy, "Normal", "Scaled", words);
  }

  /** The pod whose end cuts least goes first. */
  async #markCheapest(
    namespace: string,
    pods: readonly Pod[],
    { members }: PolicyFigures,
    signal: AbortSignal,
  ): Promise<void> {
    const priced = pods.map(({ metadata: { name, annotations } }) => ({
      name,
      cost: annotations?.[deletionCostAnnotation],
    }));
    for (const { pod, cost } of costPatches(priced, cheapest(members))) {
      const patch = { metadata: { annotations: { [deletionCostAnnotation]: cost } } };
      await this.#options.kube.patch(kinds.Pod, namespace, pod, patch, signal);
    }
  }

  #podsOf(policy: RelayPolicy): readonly Pod[] {
    const label = labelValue(policy.metadata.name);
    return [...this.#options.pods.list(namespaceOf(policy))].filter(
      ({ metadata }) =>
        metadata.labels?.[componentLabel] === "relay" &&
        metadata.labels[policyLabel] === label &&
        metadata.deletionTimestamp === undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#working;
  }
}
