/**
 * What the leader does, from the beginning of its term to the end.
 *
 * Order:  keys and NATS's own Secret → NATS → Secrets and kinds of others → the indexes take what the caches hold →
 *         reconcilers → publication. Released in reverse: nothing is reconciled any more when the store closes.
 * Fails:  with what makes the term useless (keys that cannot be used, an API server that refuses); the process then stands
 *         for election again.
 */
import type { Clock } from "../daemon/kit/clock.ts";
import type { Log } from "../daemon/kit/log.ts";
import { aborted } from "../daemon/kit/stop.ts";
import { type CacheParts, type Caches, watched } from "./caches.ts";
import type { Installation } from "./desired/installation.ts";
import { commonLabels } from "./desired/names.ts";
import { openCheck, RecordWatch } from "./dns/record-watch.ts";
import { serversOf } from "./dns/servers.ts";
import { homeSecrets, ownerOfAll, readsSecrets, serviceAccountOf } from "./home.ts";
import type { KubeClient } from "./kube/client.ts";
import { ApiEvents } from "./kube/events.ts";
import { kinds } from "./kube/kinds.ts";
import type { Term } from "./kube/leader.ts";
import type { Reconciler } from "./kube/port.ts";
import { WorkQueue } from "./kube/work-queue.ts";
import { openOptional, openSecrets } from "./lead-watches.ts";
import type { OperatorMetrics, PolicyGauges } from "./metrics.ts";
import { Children } from "./reconcile/children.ts";
import { Departures } from "./reconcile/departures.ts";
import { DkimKeys } from "./reconcile/dkim-keys.ts";
import { servingNamespace } from "./reconcile/domain-facts.ts";
import { Extras } from "./reconcile/extras.ts";
import { FilterWatch } from "./reconcile/filter-watch.ts";
import { Fleet } from "./reconcile/fleet.ts";
import { HookWatch } from "./reconcile/hook-watch.ts";
import { MailDomainReconciler } from "./reconcile/mail-domain.ts";
import { MailboxReconciler } from "./reconcile/mailbox.ts";
import { NamespaceReconciler } from "./reconcile/namespace.ts";
import { needsOf } from "./reconcile/needs.ts";
import { type Named, Publication } from "./reconcile/publication.ts";
import { followChildren, Relations, type Subject } from "./reconcile/relations.ts";
import { RelayPolicyReconciler } from "./reconcile/relay-policy.ts";
import { Resolver } from "./reconcile/resolve.ts";
import { namespaceOf } from "./reconcile/resources.ts";
import { Scaling } from "./reconcile/scaling.ts";
import { builtin } from "./reconcile/size.ts";
import { UsageWatch } from "./reconcile/usage.ts";
import { Wakes } from "./reconcile/wakes.ts";
import type { World } from "./reconcile/world.ts";
import { Written } from "./reconcile/written.ts";
import { type Bootstrap, bootstrap } from "./store/bootstrap.ts";
import { openStore, type Store } from "./store/open.ts";

export interface LeadParts {
  /** Its writes are given up when the term is over. */
  readonly client: KubeClient;
  readonly installation: Installation;
  /** `HOST:PORT` by which NATS's own pods find each other. */
  readonly natsHosts: readonly string[];
  readonly cacheParts: CacheParts;
  readonly caches: Caches;
  readonly metrics: OperatorMetrics;
  readonly workers: number;
  readonly pod: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells what the health listener and the figures ask for, while there is somebody to ask. */
  readonly view: LeaderView;
}

export interface LeaderView {
  store: Pick<Store, "isUp"> | undefined;
  policies: (() => Iterable<PolicyGauges>) | undefined;
}

export async function lead(parts: LeadParts, term: Term): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const leader = new Leader(parts, term, stack);
  try {
    await leader.begin();
  } catch (error) {
    if (term.signal.aborted) return;
    throw error;
  }
  await aborted(term.signal);
  parts.view.store = undefined;
  parts.view.policies = undefined;
}

class Leader {
  readonly #parts: LeadParts;
  readonly #term: Term;
  readonly #stack: AsyncDisposableStack;
  readonly #wakes: Wakes;

  constructor(parts: LeadParts, term: Term, stack: AsyncDisposableStack) {
    this.#parts = parts;
    this.#term = term;
    this.#stack = stack;
    this.#wakes = stack.use(new Wakes(parts.caches));
  }

  async begin(): Promise<void> {
    const { client, installation, natsHosts, caches, view } = this.#parts;
    const kube = client.guarded(this.#term.assert);
    const { signal } = this.#term;
    const keys = await bootstrap(installation, natsHosts, homeSecrets(kube, installation, signal));
    const store = this.#stack.use(await this.#openStore(keys));
    view.store = store;
    await Promise.race([caches.synced, aborted(signal)]);
    signal.throwIfAborted();
    const world = await this.#openWorld(kube, store);
    await this.#openReconcilers(world, store, keys);
  }

  #openStore({ credential, ca, directoryKeys }: Bootstrap): Promise<Store> {
    const { installation, clock, log } = this.#parts;
    const { urls: servers, replicas } = installation.nats;
    const { signal, assert } = this.#term;
    const { placement, events } = installation;
    const nats = { servers, credential, replicas, ...(ca === undefined ? {} : { ca }) };
    return openStore({ ...nats, directoryKeys, placement, events, clock, log, signal, assert });
  }

  async #openWorld(kube: World["kube"], store: Store): Promise<World & { readonly wakes: Wakes }> {
    const { installation, caches, clock, log, pod } = this.#parts;
    const { signal } = this.#term;
    const { wake } = this.#wakes;
    const secrets = openSecrets(this.#parts, this.#wakes, this.#stack);
    const written = new Written(kube);
    const relations = new Relations({
      caches,
      secretsOf: (object) => needsOf(object).map(({ name }) => name),
      servedFrom: (namespace) => servingNamespace(installation, namespace),
      written,
      wake,
    });
    secrets.onChange((namespace, name) => relations.secretChanged(namespace, name));
    const publication = this.#stack.use(new Publication({ bucket: store.bucket, clock, log, signal }));
    const optional = this.#stack.use(openOptional(this.#parts, this.#wakes));
    const onChange = (changed: ReadonlySet<string>) => relations.wakeHooked(changed);
    const hooks = new HookWatch({ store: store.hooks, clock, log, onChange });
    const children = new Children(kube, () => [...caches.children, ...optional.caches()]);
    return {
      installation,
      kube,
      caches,
      children,
      optional,
      relations,
      secrets,
      publication,
      resolver: new Resolver(secrets, publication, store.declare),
      fleet: this.#stack.use(new Fleet(caches.pods, store.acks)),
      filters: this.#stack.use(
        new FilterWatch(caches.pods, store.acks, (filters) => relations.wakeFiltered(filters)),
      ),
      hooks: this.#stack.use(await hooks.open()),
      backlog: store.backlog,
      written,
      events: this.#stack.use(
        new ApiEvents({ kube, reporter: "postfleet-operator", instance: pod, clock, log }),
      ),
      clock,
      log,
      namespaceLeaves: (namespace) =>
        caches.namespaces?.get(undefined, namespace)?.metadata.deletionTimestamp !== undefined,
      isCrowded: () => this.#wakes.isCrowded,
      wakes: this.#wakes,
    };
  }

  async #openReconcilers(world: World, store: Store, keys: Bootstrap): Promise<void> {
    const { caches, installation, clock, log, client } = this.#parts;
    const { wake } = this.#wakes;
    const { kube, publication, relations, events, children, optional } = world;
    const departures = new Departures({ backlog: store.backlog, events, clock, log });
    const dkim = this.#stack.use(
      new DkimKeys({
        kube,
        clock,
        log,
        labels: commonLabels(installation),
        calm: () => this.#wakes.calm(),
        onFailure: (key) => wake("MailDomain", key, "low"),
      }),
    );
    const { check } = this.#stack.use(await openCheck(serversOf(installation.dnsServers), clock));
    const dns = this.#stack.use(
      new RecordWatch({
        check,
        clock,
        chance: Math.random,
        log,
        calm: () => (this.#wakes.isCalm ? undefined : this.#wakes.calm()),
        onChange: (key) => wake("MailDomain", key, "low"),
      }),
    );
    const extras = new Extras(installation, children, optional);
    const all = watched(installation).length === 0;
    const namespaces = new NamespaceReconciler(world, {
      issuer: keys.issuer,
      owner: await ownerOfAll(client, installation, this.#term.signal),
      account: all ? serviceAccountOf(installation) : undefined,
      roleBindings: caches.roleBindings,
      pods: caches.pods,
      mayReadSecrets: readsSecrets(kube),
      prepareMail: (namespace) => store.mail.prepare(namespace),
      onReady: (namespace) => this.#wakes.in(namespace, "low"),
    });
    const scaling = this.#openScaling(world, store);
    const usage = this.#stack.use(
      new UsageWatch({
        store: store.mail,
        clock,
        log,
        onChange: (address) => relations.wakeAddress(address),
      }),
    );
    this.#start("RelayPolicy", new RelayPolicyReconciler(world, { departures, scaling, namespaces }));
    const domains = new MailDomainReconciler(world, { dkim, dns, departures, extras });
    this.#start("MailDomain", domains);
    const mailboxes = new MailboxReconciler(world, { usage, mail: store.mail });
    this.#start("Mailbox", mailboxes);
    this.#start("Namespace", namespaces);
    this.#follow(world, (list) => mailboxes.toTell(domains.toTell(list)));
    // One that went while nobody led has users that still hold.
    for (const namespace of keys.issuer.holders()) wake("Namespace", namespace, "low");
    publication.begin();
  }

  #openScaling(world: World, store: Store): Scaling {
    const { caches, clock, log, view } = this.#parts;
    const scaling = this.#stack.use(
      new Scaling({
        kube: world.kube,
        policies: caches.policies,
        pods: caches.pods,
        deploymentOf: (namespace, name) => world.children.find(kinds.Deployment, namespace, name),
        figures: store.figures,
        decide: builtin,
        events: world.events,
        onFirst: (key) => this.#wakes.wake("RelayPolicy", key, "low"),
        clock,
        log,
      }),
    );
    view.policies = () => scaling.gauges();
    return scaling;
  }

  #start(subject: Subject, reconciler: Reconciler): void {
    const { metrics, workers, clock, log } = this.#parts;
    const observe = metrics.queue(subject, () => queue.figures);
    const queue: WorkQueue = new WorkQueue({
      name: subject,
      reconciler,
      workers,
      clock,
      chance: Math.random,
      log,
      observe,
    });
    this.#stack.use(queue);
    this.#wakes.serve(subject, queue);
    queue.start();
  }

  /** From now on everything that happens wakes whom it concerns. */
  #follow(
    { publication, relations, fleet, caches }: World,
    toTell: (published: readonly Named[]) => readonly Named[],
  ): void {
    const { installation, caches: all } = this.#parts;
    const { wake } = this.#wakes;
    const wakeNamed = (urgency: "high" | "low") => (list: readonly Named[]) => {
      for (const { kind, namespace, name } of list) wake(kind, `${namespace}/${name}`, urgency);
    };
    publication.onPublished((list) => wakeNamed("high")(toTell(list)));
    publication.onTurned((list) => relations.wakeDependents(list));
    publication.onLost(wakeNamed("low"));
    for (const kind of ["MailDomain", "Mailbox", "RelayPolicy"] as const) {
      const cache = { MailDomain: caches.domains, Mailbox: caches.mailboxes, RelayPolicy: caches.policies }[
        kind
      ];
      for (const object of cache.list())
        publication.expect({ kind, namespace: namespaceOf(object), name: object.metadata.name });
    }
    fleet.onLoaded((who) => {
      const at = who.indexOf("/");
      wake(who.slice(0, at) as Subject, who.slice(at + 1), "high");
    });
    fleet.onPods((ready) => this.#wakes.podsChanged(ready));
    this.#stack.defer(followChildren(all, wake, (namespace) => this.#wakes.in(namespace, "high")));
    this.#stack.defer(relations.begin());
    wake("Namespace", installation.namespace, "high");
  }
}
