/**
 * One Mailbox: accepted or refused, published with the hash of its password, told how full it is, and its end.
 *
 * Ready:  when daemons know its domains, too. A first status is written when that is so, or after a moment; what passes within a
 *         moment is not told.
 * Script: one that cannot be run is left out of what is published, and the status says so: mail is kept.
 * End:    with `deletionPolicy: Delete` what it holds is deleted, once no daemon knows it any more; within ten minutes,
 *         after which it goes with a warning. With `Retain` nothing holds it.
 */

import { canonicalAddress } from "../../crds/names.ts";
import { scriptFault } from "../../daemon/sieve/check.ts";
import { finalizer } from "../desired/names.ts";
import { kinds } from "../kube/kinds.ts";
import type { Next, Reconciler } from "../kube/port.ts";
import { mailboxStatus } from "../status/mailbox.ts";
import { type Acceptance, acceptMailbox, type Refusal } from "./acceptance.ts";
import { announce } from "./announce.ts";
import { servingNamespace } from "./domain-facts.ts";
import { FirstStatus } from "./first-status.ts";
import { isServed, type Service, serviceOf } from "./mailbox-service.ts";
import { mailboxNeeds } from "./needs.ts";
import type { MailStore } from "./ports.ts";
import { publicationFacts } from "./progress.ts";
import type { Named } from "./publication.ts";
import { faultsOf, type Resolved } from "./resolve.ts";
import { isFrozen, isLeaving, type Mailbox, namespaceOf, splitKey } from "./resources.ts";
import type { UsageWatch } from "./usage.ts";
import type { World } from "./world.ts";

export interface MailboxParts {
  readonly usage: Pick<UsageWatch, "of">;
  readonly mail: Pick<MailStore, "purge">;
}

interface Findings {
  readonly acceptance: Acceptance;
  readonly resolved?: Resolved;
  readonly why?: string;
}

const onChange: Next = { wake: "on-change" };
/** A mailbox that cannot be emptied for so long goes with its mail left behind. */
const longestMs = 600_000;
const patienceMs = 60_000;
const lookMs = 1_000;

export class MailboxReconciler implements Reconciler {
  readonly #world: World;
  readonly #parts: MailboxParts;
  readonly #first: FirstStatus;

  constructor(world: World, parts: MailboxParts) {
    this.#world = world;
    this.#parts = parts;
    this.#first = new FirstStatus(world);
  }

  /** Those of them of which there is something to say, now that daemons can know them; of the others when all daemons do. */
  toTell(published: readonly Named[]): readonly Named[] {
    return published.filter((resource) => {
      if (resource.kind !== "Mailbox" || !this.#first.isWaiting(`${resource.namespace}/${resource.name}`))
        return true;
      const mailbox = this.#world.caches.mailboxes.get(resource.namespace, resource.name);
      return mailbox === undefined || isServed(this.#service(mailbox));
    });
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Next> {
    const { namespace, name } = splitKey(key);
    const { caches, relations, resolver, publication, written, namespaceLeaves } = this.#world;
    const mailbox = caches.mailboxes.get(namespace, name);
    if (!mailbox) {
      resolver.withdraw({ kind: "Mailbox", namespace, name });
      this.#world.fleet.forget(`Mailbox/${key}`);
      this.#first.forget(key);
      return onChange;
    }
    const acceptance = acceptMailbox(mailbox, relations);
    if (isFrozen(mailbox)) {
      publication.expect(named(mailbox));
      await this.#tell(mailbox, { acceptance }, signal);
      return onChange;
    }
    if (isLeaving(mailbox)) return this.#leave(mailbox, acceptance, signal);
    if (acceptance.kind === "refused") return this.#refuse(mailbox, acceptance, signal);
    await this.#finalizer(mailbox, true, signal);
    const resource = { ...named(mailbox), spec: runnable(mailbox.spec) };
    const resolved = await resolver.publish(resource, mailboxNeeds(mailbox), signal);
    // What was said before holds until the Secrets are known.
    if (resolved.kind === "waiting" && written.statusOf(mailbox) !== undefined) return onChange;
    const service = this.#service(mailbox);
    const wait = this.#momentLeft(key, mailbox, service);
    if (wait > 0) return { wake: "after", ms: wait };
    if (service.fault?.is === "leaving" && namespaceLeaves(namespace)) return onChange; // it goes, too
    await this.#tell(mailbox, { acceptance, resolved }, signal);
    return onChange;
  }

  /** How long what is to be said may still wait, since in a moment it will be something else. */
  #momentLeft(key: string, mailbox: Mailbox, service: Service): number {
    const { publication, written } = this.#world;
    const passes = service.fault ? service.fault.is === "pending" : written.statusOf(mailbox) === undefined;
    const left = passes && !isServed(service) && !publication.failure ? this.#first.left(key) : 0;
    if (left === 0) this.#first.due(key);
    return left;
  }

  #service(mailbox: Mailbox): Service {
    const before = this.#world.written.statusOf<Mailbox["status"]>(mailbox);
    const wasReady = before?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    return serviceOf(this.#world, mailbox, wasReady === true);
  }

  /** What was accepted before stays in force: mail must not be refused for a mistake. */
  async #refuse(mailbox: Mailbox, acceptance: Refusal, signal: AbortSignal): Promise<Next> {
    const { resolver, publication } = this.#world;
    const isKept = acceptance.reason === "Invalid" && publication.knownSince(named(mailbox)) !== undefined;
    if (isKept) publication.expect(named(mailbox));
    else resolver.withdraw(named(mailbox));
    await this.#finalizer(mailbox, isKept, signal);
    await this.#tell(mailbox, { acceptance }, signal);
    return onChange;
  }

  async #finalizer(mailbox: Mailbox, inForce: boolean, signal: AbortSignal): Promise<void> {
    const { written } = this.#world;
    const wanted = mailbox.spec.deletionPolicy === "Delete" && inForce;
    if (wanted) await written.addFinalizer(kinds.Mailbox, mailbox, finalizer, signal);
    else await written.removeFinalizer(kinds.Mailbox, mailbox, finalizer, signal);
  }

  async #leave(mailbox: Mailbox, acceptance: Acceptance, signal: AbortSignal): Promise<Next> {
    const { resolver, written, clock, events, log } = this.#world;
    resolver.withdraw(named(mailbox));
    if (!mailbox.metadata.finalizers?.includes(finalizer)) return onChange;
    const address = canonicalAddress(mailbox.spec.address) ?? "";
    const late = clock.now() - Date.parse(mailbox.metadata.deletionTimestamp ?? "") > longestMs;
    const why = await this.#purge(mailbox, address, signal);
    if (why !== undefined && !late) {
      await this.#tell(mailbox, { acceptance, why }, signal);
      return { wake: "after", ms: lookMs };
    }
    if (why !== undefined) {
      const message = `the mail of ${address} could not be deleted within ten minutes (${why}); it stays in the store`;
      events.record(mailbox, "Warning", "MailAbandoned", message);
      log.warn({ mailbox: address, why }, "a mailbox went before its mail was deleted");
    }
    await written.removeFinalizer(kinds.Mailbox, mailbox, finalizer, signal);
    return onChange;
  }

  /** Why it is not empty; `undefined`: it is. */
  async #purge(mailbox: Mailbox, address: string, signal: AbortSignal): Promise<string | undefined> {
    const { publication, fleet, installation, log } = this.#world;
    const namespace = namespaceOf(mailbox);
    const shared = installation.placement === "Shared";
    const revision = shared ? publication.settledRevision : publication.settledIn(namespace);
    if (revision === undefined) return "daemons have not been told yet";
    const where = servingNamespace(installation, namespace);
    const { ready, loaded } = fleet.progress({
      namespace: where,
      components: ["gateway", "mailbox"],
      revision,
    });
    if (loaded < ready) return `${ready - loaded} of ${ready} pods still take mail for it`;
    try {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
      await this.#parts.mail.purge(address, namespace, patience);
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      log.warn({ err: error, mailbox: address }, "a mailbox cannot be emptied now");
      return "the store does not answer";
    }
  }

  async #tell(mailbox: Mailbox, { acceptance, resolved, why }: Findings, signal: AbortSignal): Promise<void> {
    const { written, clock, publication } = this.#world;
    const before = written.statusOf<Mailbox["status"]>(mailbox);
    const { progress, fault } = this.#service(mailbox);
    const usage = this.#parts.usage.of(canonicalAddress(mailbox.spec.address) ?? "");
    const script = scriptFault(mailbox.spec.sieve);
    const status = mailboxStatus({
      generation: mailbox.metadata.generation ?? 0,
      before,
      now: new Date(clock.now()).toISOString(),
      frozen: isFrozen(mailbox),
      suspended: mailbox.spec.suspended,
      acceptance,
      secrets: faultsOf(resolved),
      publication: publicationFacts(progress, publication.failure),
      ...(fault ? { domain: fault } : {}),
      ...(script === undefined ? {} : { script }),
      ...(usage ? { usage } : {}),
      ...(why === undefined ? {} : { deletion: { why } }),
    });
    if (await written.status(mailbox, status, signal)) announce(this.#world.events, mailbox, before, status);
  }
}

function runnable(spec: Mailbox["spec"]): Mailbox["spec"] {
  if (scriptFault(spec.sieve) === undefined) return spec;
  const { sieve: _, ...rest } = spec;
  return rest;
}

const named = (mailbox: Mailbox) =>
  ({ kind: "Mailbox", namespace: namespaceOf(mailbox), name: mailbox.metadata.name }) as const;
