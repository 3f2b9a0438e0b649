/**
 * One MailDomain: accepted or refused, published to the daemons, its keys and records looked after, its end.
 *
 * Out:    a record in the directory while it is accepted, a Secret with DKIM keys, a Certificate and a DNSEndpoint where
 *         others serve them, the status.
 * Order:  the finalizer is there before anything is published, so that nothing can be queued for a domain whose end is
 *         not looked after.
 */

import { canonicalDomain } from "../../crds/names.ts";
import { dkimSecretName, finalizer } from "../desired/names.ts";
import type { CheckedRecord, RecordWatch } from "../dns/record-watch.ts";
import { kinds } from "../kube/kinds.ts";
import type { Next, Reconciler } from "../kube/port.ts";
import { mailDomainStatus } from "../status/mail-domain.ts";
import { type Acceptance, acceptDomain, type Refusal } from "./acceptance.ts";
import { announce } from "./announce.ts";
import type { DepartureState, Departures } from "./departures.ts";
import type { DkimKeys, DkimView } from "./dkim-keys.ts";
import { endpointsOf, missingPolicy, recordStatuses, recordsOf, servingNamespace } from "./domain-facts.ts";
import type { Extras } from "./extras.ts";
import { filterFacts } from "./filter-facts.ts";
import { briefMs, FirstStatus } from "./first-status.ts";
import { hookFacts } from "./hook-facts.ts";
import { dkimSecretOf, domainNeeds } from "./needs.ts";
import { isLoaded, publicationFacts, servedProgress } from "./progress.ts";
import type { Named } from "./publication.ts";
import { faultsOf, type Resolved, type SecretNeed } from "./resolve.ts";
import {
  isFrozen,
  isLeaving,
  keyOf,
  type MailDomain,
  namespaceOf,
  recheckAnnotation,
  splitKey,
} from "./resources.ts";
import type { World } from "./world.ts";

export interface MailDomainParts {
  readonly dkim: DkimKeys;
  readonly dns: RecordWatch;
  readonly departures: Departures;
  readonly extras: Extras;
}

/** What is found while it is looked at. */
interface Findings {
  readonly acceptance: Acceptance;
  readonly resolved?: Resolved;
  readonly departure?: DepartureState;
  readonly dkim?: DkimView;
}

const onChange: Next = { wake: "on-change" };
/** Appointments are not made for longer. */
const dayMs = 86_400_000;

export class MailDomainReconciler implements Reconciler {
  readonly #world: World;
  readonly #parts: MailDomainParts;
  readonly #first: FirstStatus;
  readonly #rechecked = new Map<string, string>();

  constructor(world: World, parts: MailDomainParts) {
    this.#world = world;
    this.#parts = parts;
    this.#first = new FirstStatus(world);
  }

  /** Those of them of which there is something to say, now that daemons can know them; of the others when all daemons do. */
  toTell(published: readonly Named[]): readonly Named[] {
    const isLate = (resource: Named) =>
      resource.kind !== "MailDomain" ||
      !this.#first.isWaiting(`${resource.namespace}/${resource.name}`) ||
      isLoaded(servedProgress(this.#world, resource));
    return published.filter(isLate);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Next> {
    const { namespace, name } = splitKey(key);
    const domain = this.#world.caches.domains.get(namespace, name);
    if (!domain) return this.#forget(key, namespace, name);
    if (isFrozen(domain)) return this.#frozen(domain, signal);
    const acceptance = acceptDomain(domain, this.#world.relations);
    if (isLeaving(domain)) return this.#leave(key, domain, acceptance, signal);
    if (acceptance.kind === "refused") return this.#refuse(key, domain, acceptance, signal);
    await this.#world.written.addFinalizer(kinds.MailDomain, domain, finalizer, signal);
    return this.#serve(key, domain, signal);
  }

  #forget(key: string, namespace: string, name: string): Next {
    this.#world.resolver.withdraw({ kind: "MailDomain", namespace, name });
    this.#world.fleet.forget(`MailDomain/${key}`);
    this.#parts.dns.forget(key);
    this.#parts.dkim.forget(key);
    this.#first.forget(key);
    this.#rechecked.delete(key);
    return onChange;
  }

  /** Whatever is in force stays so. */
  async #frozen(domain: MailDomain, signal: AbortSignal): Promise<Next> {
    const resource = named(domain);
    this.#world.publication.expect(resource);
    await this.#tell(domain, { acceptance: acceptDomain(domain, this.#world.relations) }, signal);
    return onChange;
  }

  async #refuse(key: string, domain: MailDomain, acceptance: Refusal, signal: AbortSignal): Promise<Next> {
    const { relations, publication, resolver, written } = this.#world;
    this.#parts.dns.forget(key);
    this.#first.forget(key);
    // What was accepted before stays in force: mail must not stop for a mistake.
    const isKept = acceptance.reason === "Invalid" && publication.knownSince(named(domain)) !== undefined;
    if (isKept) publication.expect(named(domain));
    else {
      resolver.withdraw(named(domain));
      // Nothing can be queued for it: nothing holds it back.
      await written.removeFinalizer(kinds.MailDomain, domain, finalizer, signal);
      if (acceptance.reason === "Invalid") relations.wakeDependents([named(domain)]);
    }
    await this.#tell(domain, { acceptance }, signal);
    return onChange;
  }

  async #serve(key: string, domain: MailDomain, signal: AbortSignal): Promise<Next> {
    const dkim = await this.#keys(key, domain, signal);
    const resource = { ...named(domain), spec: domain.spec };
    const resolved = await this.#world.resolver.publish(resource, needsWhile(domain, dkim), signal);
    const wait = this.#momentLeft(key, domain);
    if (resolved.kind === "waiting") {
      // What was said before holds until the Secrets are known.
      if (this.#world.written.statusOf(domain)) return onChange;
      if (wait > 0) return { wake: "after", ms: wait };
    }
    const records = recordsOf(domain, this.#world.installation, dkim?.records ?? []);
    this.#parts.dns.want(key, records);
    this.#recheck(key, domain);
    await this.#parts.extras.ofDomain(domain, records, signal);
    if (wait > 0) return { wake: "after", ms: wait };
    const findings = { acceptance: { kind: "accepted" }, resolved, ...(dkim ? { dkim } : {}) } as const;
    const { brief } = await this.#tell(domain, findings, signal);
    const wakeMs = Math.min(dkim?.wakeMs ?? dayMs, brief ? briefMs : dayMs);
    return dkim?.wakeMs === undefined && !brief ? onChange : { wake: "after", ms: wakeMs };
  }

  async #leave(key: string, domain: MailDomain, acceptance: Acceptance, signal: AbortSignal): Promise<Next> {
    const { written, resolver, namespaceLeaves } = this.#world;
    if (!domain.metadata.finalizers?.includes(finalizer)) return this.#forget(key, ...place(domain));
    const accepted = acceptance.kind === "accepted";
    if (accepted) {
      const resource = { ...named(domain), spec: domain.spec };
      await resolver.publish(resource, this.#needsNow(domain), signal, { draining: true });
    }
    const { deletionPolicy: policy, deletionTimeout: timeout } = domain.spec;
    const name = canonicalDomain(domain.spec.domain);
    const scope = accepted && name !== undefined ? ({ kind: "domain", domain: name } as const) : undefined;
    const departure = await this.#parts.departures.see(
      domain,
      {
        policy,
        timeout,
        scope,
        namespaceLeaves: namespaceLeaves(namespaceOf(domain)),
        closed: isLoaded(servedProgress(this.#world, named(domain))),
      },
      signal,
    );
    if (departure.kind === "gone") {
      this.#forget(key, ...place(domain));
      await written.removeFinalizer(kinds.MailDomain, domain, finalizer, signal);
      return onChange;
    }
    await this.#tell(domain, { acceptance, departure }, signal);
    return { wake: "after", ms: departure.wakeMs };
  }

  /** Those that are there: a domain that goes gets no new keys. */
  #needsNow(domain: MailDomain) {
    const { secrets } = this.#world;
    const isThere = (name: string) => secrets.versionOf(namespaceOf(domain), name).kind !== "absent";
    return domainNeeds(domain).filter(({ name }) => isThere(name));
  }

  /** `undefined`: the domain wants no signatures, or the Secrets are not known yet. */
  async #keys(key: string, domain: MailDomain, signal: AbortSignal): Promise<DkimView | undefined> {
    const { secrets, namespaceLeaves } = this.#world;
    const { dkim } = domain.spec;
    const namespace = namespaceOf(domain);
    if (dkim.algorithms.length === 0 || namespaceLeaves(namespace)) return undefined;
    const found = secrets.metadataOf(namespace, dkimSecretOf(domain));
    if (found.kind === "unknown") return undefined;
    if (dkim.secretRef)
      return found.kind === "present" ? this.#parts.dkim.lookAtOwn(domain, found.object, signal) : undefined;
    const shown = (selector: string) =>
      this.#parts.dns
        .current(key)
        ?.some(
          ({ purpose, name, state }) =>
            purpose === "dkim" && name.startsWith(`${selector}.`) && state === "Ok",
        ) === true;
    return this.#parts.dkim.look(domain, found.kind === "present" ? found.object : undefined, shown);
  }

  /** What was asked before we came is answered already: everything is looked at then. */
  #recheck(key: string, domain: MailDomain): void {
    const asked = domain.metadata.annotations?.[recheckAnnotation] ?? "";
    const before = this.#rechecked.get(key);
    this.#rechecked.set(key, asked);
    if (before !== undefined && before !== asked && asked !== "") this.#parts.dns.recheck(key);
  }

  /** How long its first status may still wait, so that it need not be written twice. */
  #momentLeft(key: string, domain: MailDomain): number {
    const { publication, written } = this.#world;
    const progress = servedProgress(this.#world, named(domain));
    const known = progress.kind === "published" && progress.ready > 0 && isLoaded(progress);
    if (!known && !publication.failure && written.statusOf(domain) === undefined)
      return this.#first.left(key);
    this.#first.due(key);
    return 0;
  }

  /** `brief`: the list of records is still owed. */
  async #tell(
    domain: MailDomain,
    findings: Findings,
    signal: AbortSignal,
  ): Promise<{ readonly brief: boolean }> {
    const { written, clock, installation, children, publication } = this.#world;
    const before = written.statusOf<MailDomain["status"]>(domain);
    const { acceptance, resolved, departure, dkim } = findings;
    const key = keyOf(domain);
    const checked = this.#parts.dns.current(key);
    const brief = this.#isBrief(key, before, checked);
    const progress = servedProgress(this.#world, named(domain));
    const served = servingNamespace(installation, namespaceOf(domain));
    const filters = filterFacts(domain, (ids) => this.#world.filters.failing(served, ids));
    const policyMissing = missingPolicy(domain, this.#world.caches.policies);
    const webhooks = hookFacts("MailDomain", domain, (hook) => this.#world.hooks.of(hook));
    const status = mailDomainStatus({
      generation: domain.metadata.generation ?? 0,
      before,
      now: new Date(clock.now()).toISOString(),
      frozen: isFrozen(domain),
      acceptance,
      secrets: faultsOf(resolved),
      publication: publicationFacts(progress, publication.failure),
      records: checked && !brief ? recordStatuses(checked, before?.dnsRecords) : (before?.dnsRecords ?? []),
      dkim: { kind: dkim?.making ? "making" : "ready" },
      endpoints: brief
        ? []
        : endpointsOf(domain, installation, (namespace, service) =>
            children.find(kinds.Service, namespace, service),
          ),
      ...(policyMissing === undefined ? {} : { policyMissing }),
      ...(filters ? { filters } : {}),
      ...(webhooks ? { webhooks } : {}),
      ...(departure?.kind === "leaving"
        ? { deletion: { policy: domain.spec.deletionPolicy, ...departure } }
        : {}),
    });
    if (await written.status(domain, status, signal)) announce(this.#world.events, domain, before, status);
    return { brief };
  }

  #isBrief(
    key: string,
    before: MailDomain["status"],
    checked: readonly CheckedRecord[] | undefined,
  ): boolean {
    if (checked === undefined) return false;
    if (before?.dnsRecords === undefined && checked.every(({ state }) => state === "Unknown"))
      return this.#first.isBrief(key, before === undefined);
    this.#first.whole(key);
    return false;
  }
}

/** Keys that are being made are not lacking. */
function needsWhile(domain: MailDomain, dkim: DkimView | undefined): readonly SecretNeed[] {
  const needs = domainNeeds(domain);
  if (!dkim?.making) return needs;
  const name = dkimSecretName(domain.metadata.name);
  const others = needs.filter((need) => need.name !== name);
  return dkim.records.length === 0 ? others : [{ name, keys: [] }, ...others];
}

const named = (domain: MailDomain) =>
  ({ kind: "MailDomain", namespace: namespaceOf(domain), name: domain.metadata.name }) as const;
const place = (domain: MailDomain) => [namespaceOf(domain), domain.metadata.name] as const;
