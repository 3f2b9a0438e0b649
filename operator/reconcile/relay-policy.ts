/**
 * One RelayPolicy: accepted or refused, published with its credentials, its relay looked after, its end.
 *
 * Out:    a record in the directory, the relay's Deployment and what belongs to it (owned by the policy, so that they go
 *         with it), the status. How many pods there are is the business of `scaling.ts` or of others.
 * Order:  the daemons' Secret is there before pods are made that mount it.
 */

import { complaintsDomain, noComplaintsDomain } from "../../crds/complaints.ts";
import { defaultRelayPolicy, type RelayPolicySpec } from "../../crds/types.ts";
import {
  componentLabel,
  finalizer,
  labelValue,
  policyLabel,
  relayName,
  selectorOf,
  selectorText,
} from "../desired/names.ts";
import { relaySet } from "../desired/sets.ts";
import { kinds } from "../kube/kinds.ts";
import type { Next, Reconciler } from "../kube/port.ts";
import { deploymentFacts } from "../status/deployment-facts.ts";
import { type RelayPolicyFacts, relayPolicyStatus } from "../status/relay-policy.ts";
import { type Acceptance, acceptPolicy } from "./acceptance.ts";
import { announce } from "./announce.ts";
import type { Converged } from "./children.ts";
import type { DepartureState, Departures } from "./departures.ts";
import { servingNamespace } from "./domain-facts.ts";
import { hookFacts } from "./hook-facts.ts";
import { knownDomain } from "./known-domain.ts";
import { policyNeeds } from "./needs.ts";
import { isLoaded, type Progress, progressOf, publicationFacts } from "./progress.ts";
import { faultsOf, type Resolved } from "./resolve.ts";
import { isFrozen, isLeaving, namespaceOf, ownerOf, type RelayPolicy, splitKey } from "./resources.ts";
import type { Scaling } from "./scaling.ts";
import type { World } from "./world.ts";

export interface RelayPolicyParts {
  readonly departures: Departures;
  readonly scaling: Pick<Scaling, "of" | "forget">;
  /** Whether daemons can run in a namespace: what they mount is there. */
  readonly namespaces: { isReady(namespace: string): boolean };
}

interface Findings {
  readonly acceptance: Acceptance;
  readonly resolved?: Resolved;
  readonly departure?: DepartureState;
}

const onChange: Next = { wake: "on-change" };
/** Figures are told again after this. */
const figuresMs = 60_000;
/** A relay that waits for its turn to get a new image is looked at again after this. */
const turnMs = 5_000;

export class RelayPolicyReconciler implements Reconciler {
  readonly #world: World;
  readonly #parts: RelayPolicyParts;
  /** When figures were told last, ms on the monotonic clock. */
  readonly #told = new Map<string, number>();

  constructor(world: World, parts: RelayPolicyParts) {
    this.#world = world;
    this.#parts = parts;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Next> {
    const { namespace, name } = splitKey(key);
    const { caches, publication, resolver, written } = this.#world;
    const policy = caches.policies.get(namespace, name);
    if (!policy) {
      resolver.withdraw({ kind: "RelayPolicy", namespace, name });
      this.#parts.scaling.forget(key);
      this.#world.fleet.forget(`RelayPolicy/${key}`);
      this.#told.delete(key);
      return onChange;
    }
    const acceptance = acceptPolicy(policy);
    if (isFrozen(policy)) {
      publication.expect(named(policy));
      await this.#tell(policy, { acceptance }, signal);
      return onChange;
    }
    if (isLeaving(policy)) return this.#leave(policy, acceptance, signal);
    if (acceptance.kind === "refused") return this.#refuse(policy, acceptance, signal);
    await written.addFinalizer(kinds.RelayPolicy, policy, finalizer, signal);
    const resource = { ...named(policy), spec: publishedSpec(policy.spec) };
    const resolved = await resolver.publish(resource, policyNeeds(policy), signal);
    const { waiting } = await this.#relay(policy, signal);
    // What was said before holds until the Secrets are known.
    if (resolved.kind === "waiting" && written.statusOf(policy)) return onChange;
    await this.#tell(policy, { acceptance, resolved }, signal);
    return { wake: "after", ms: waiting ? turnMs : figuresMs };
  }

  /** What was accepted before stays in force: mail must not stop for a mistake. */
  async #refuse(policy: RelayPolicy, acceptance: Acceptance, signal: AbortSignal): Promise<Next> {
    this.#world.publication.expect(named(policy));
    await this.#tell(policy, { acceptance }, signal);
    return onChange;
  }

  async #relay(policy: RelayPolicy, signal: AbortSignal): Promise<Pick<Converged, "waiting">> {
    const { installation, children, namespaceLeaves } = this.#world;
    const namespace = namespaceOf(policy);
    if (!this.#parts.namespaces.isReady(namespace) || namespaceLeaves(namespace)) return { waiting: false };
    const { name } = policy.metadata;
    const wish = { namespace, name, spec: policy.spec, owner: ownerOf(policy) };
    const desired = relaySet(installation, wish, this.#lmtpPorts(namespace));
    const label = labelValue(name);
    const live = children.live(
      namespace,
      ({ metadata }) =>
        metadata.labels?.[componentLabel] === "relay" && metadata.labels[policyLabel] === label,
    );
    return children.converge(desired, live, signal);
  }

  /** To which the namespace's domains deliver. */
  #lmtpPorts(namespace: string): readonly number[] {
    const ports = new Set<number>();
    for (const { spec } of this.#world.caches.domains.list(namespace))
      if (spec.delivery?.lmtp) ports.add(spec.delivery.lmtp.port);
    return [...ports].sort((a, b) => a - b);
  }

  async #leave(policy: RelayPolicy, acceptance: Acceptance, signal: AbortSignal): Promise<Next> {
    const { resolver, written, namespaceLeaves } = this.#world;
    if (!policy.metadata.finalizers?.includes(finalizer)) return onChange;
    const { namespace, name } = named(policy);
    const resource = { ...named(policy), spec: publishedSpec(policy.spec) };
    const resolved = await resolver.publish(resource, policyNeeds(policy), signal, { draining: true });
    await this.#relay(policy, signal);
    const { deletionPolicy, deletionTimeout: timeout } = policy.spec;
    const departure = await this.#parts.departures.see(
      policy,
      {
        policy: deletionPolicy,
        timeout,
        scope: { kind: "policy", policy: `${namespace}/${name}` },
        namespaceLeaves: namespaceLeaves(namespace),
        closed: isLoaded(this.#progress(policy)),
      },
      signal,
    );
    if (departure.kind === "gone") {
      resolver.withdraw(named(policy));
      await written.removeFinalizer(kinds.RelayPolicy, policy, finalizer, signal);
      return onChange;
    }
    await this.#tell(policy, { acceptance, resolved, departure }, signal);
    return { wake: "after", ms: departure.wakeMs };
  }

  /** Gateways accept for the policy, its relays send. */
  #progress(policy: RelayPolicy): Progress {
    const resource = named(policy);
    const { namespace, name } = resource;
    return progressOf(this.#world, resource, [
      { namespace: servingNamespace(this.#world.installation, namespace), components: ["gateway"] },
      { namespace, components: ["relay"], policy: name },
    ]);
  }

  #complaints(policy: RelayPolicy): RelayPolicyFacts["complaints"] {
    const domain = complaintsDomain(policy.spec);
    if (domain === undefined) return undefined;
    const namespace = namespaceOf(policy);
    const holder = this.#world.relations.holderOf(domain);
    if (!holder || namespaceOf(holder) !== namespace)
      return { domain, lacking: noComplaintsDomain(domain, namespace) };
    const known = knownDomain(this.#world, domain, holder);
    return known.kind === "known" ? { domain } : { domain, fault: known.fault };
  }

  /** Not more often than people need them. */
  #figures(key: string) {
    const known = this.#parts.scaling.of(key);
    const now = this.#world.clock.monotonic();
    if (!known || now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < figuresMs) return undefined;
    return known.figures;
  }

  async #tell(
    policy: RelayPolicy,
    { acceptance, resolved, departure }: Findings,
    signal: AbortSignal,
  ): Promise<void> {
    const { written, clock, installation, children, publication } = this.#world;
    const { namespace, name } = named(policy);
    const before = written.statusOf<RelayPolicy["status"]>(policy);
    const live = children.find(kinds.Deployment, namespace, relayName(name));
    const progress = this.#progress(policy);
    const figures = this.#figures(`${namespace}/${name}`);
    const complaints = this.#complaints(policy);
    const webhooks = hookFacts("RelayPolicy", policy, (hook) => this.#world.hooks.of(hook));
    const status = relayPolicyStatus({
      generation: policy.metadata.generation ?? 0,
      before,
      now: new Date(clock.now()).toISOString(),
      frozen: isFrozen(policy),
      paused: policy.spec.paused,
      acceptance,
      secrets: faultsOf(resolved),
      publication: publicationFacts(progress, publication.failure),
      selector: selectorText(selectorOf(installation, "relay", name)),
      ...(live ? { deployment: deploymentFacts(live) } : {}),
      ...(figures ? { figures } : {}),
      ...(complaints ? { complaints } : {}),
      ...(webhooks ? { webhooks } : {}),
      ...(departure?.kind === "leaving"
        ? { deletion: { policy: policy.spec.deletionPolicy, ...departure } }
        : {}),
    });
    if (await written.status(policy, status, signal)) announce(this.#world.events, policy, before, status);
    if (figures) this.#told.set(`${namespace}/${name}`, clock.monotonic());
  }
}

/** Daemons need not know what pods look like and how many there are: a change of these must not bother them. */
const publishedSpec = (spec: RelayPolicySpec): RelayPolicySpec => {
  const { podTemplate, autoscaling, replicas, deletionPolicy, deletionTimeout } = defaultRelayPolicy;
  return { ...spec, podTemplate, autoscaling, replicas, deletionPolicy, deletionTimeout };
};

const named = (policy: RelayPolicy) =>
  ({ kind: "RelayPolicy", namespace: namespaceOf(policy), name: policy.metadata.name }) as const;
