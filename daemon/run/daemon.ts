/**
 * A daemon's life, from nothing open to everything closed, in the order that `run.ts` tells of.
 *
 * In:     options; two stops: `drain` asks, `abort` insists.
 * Out:    `run` resolves when everything is closed again.
 * Fails:  what cannot be opened rejects with the reason, and what was open is closed.
 */
import type { CommandContext } from "../cli/context.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import { hooksOf } from "../directory/hook-index.ts";
import { FilterHealth } from "../filters/health.ts";
import { cidrTable } from "../kit/cidr.ts";
import { systemClock } from "../kit/clock.ts";
import { lockDataDir } from "../kit/data-dir.ts";
import { exposition } from "../kit/exposition.ts";
import type { Endpoint } from "../kit/flags.ts";
import type { Log } from "../kit/log.ts";
import { aborted, type Stops } from "../kit/stop.ts";
import { acknowledge } from "../nats/directory/acks.ts";
import { watchDirectory } from "../nats/directory/watch.ts";
import { LoginEvents } from "../nats/login-events.ts";
import { serveHealth } from "../net/health.ts";
import { Proxies } from "../net/proxied.ts";
import { MailLines } from "../queue/mail-lines.ts";
import { type Certificate, listenerCertificate, noCertificate } from "./certificate.ts";
import type { Delivery } from "./delivery.ts";
import { forgetEndpoints, publishEndpoints } from "./endpoints.ts";
import type { GatewayContext } from "./gateway.ts";
import { greet } from "./greet.ts";
import { type Access, openLogins } from "./logins.ts";
import { type Metrics, openMetrics } from "./metrics.ts";
import type { ListenerName, RunOptions } from "./options.ts";
import { OwnApi } from "./own-api.ts";
import type { Reports } from "./reports.ts";
import { openStore, type Store } from "./store.ts";
import { openTracing } from "./tracing/tracing.ts";

interface Door {
  readonly servers: ReadonlyMap<ListenerName, { readonly sessions: number }>;
  drain(): Promise<void>;
  abort(): void;
}

type Endpoints = Map<string, Endpoint>;
/** What every role is given. */
type Common = Omit<GatewayContext, "sasl" | "filterHealth">;

export class Daemon {
  readonly #options: RunOptions;
  readonly #context: CommandContext;
  readonly #log: Log;
  readonly #stop: Stops;
  #store: Store | undefined;
  /** What clients connect to: stopped first. */
  readonly #doors: Door[] = [];
  #delivery: Delivery | undefined;
  #ready = false;
  #certificate: Certificate = noCertificate;
  readonly #api: OwnApi;
  readonly #filterHealth = new FilterHealth(systemClock);
  /** What the start waits for. */
  #waitsFor = "NATS and its streams";

  constructor(options: RunOptions, context: CommandContext, log: Log, stop: Stops) {
    this.#options = options;
    this.#context = context;
    this.#log = log;
    this.#stop = stop;
    this.#api = new OwnApi(options, log);
  }

  async run(): Promise<void> {
    await using parts = new AsyncDisposableStack();
    const { data } = this.#options;
    if (data !== undefined) {
      parts.use(await lockDataDir(data));
      await forgetEndpoints(data); // of a life that ended without a word
    }
    const endpoints: Endpoints = new Map();
    const metrics = await openMetrics({
      queues: () => this.#delivery?.queues() ?? [],
      sites: () => this.#delivery?.sites() ?? {},
      groups: async (limit) => this.#delivery?.groups(limit) ?? [],
      listening: () => (this.#ready ? endpoints.keys() : []),
      ends: () => this.#certificate.ends(),
      levels: () => this.#store?.queue.levels ?? [],
      closed: () => (this.#store === undefined ? "away" : this.#store.queue.closed),
    });
    await this.#openHealth(metrics, endpoints, parts);
    const live = await this.#openStore(metrics, parts);
    await this.#openRoles(live, metrics, endpoints, parts);
    await parts.use(this.#api).open(this.#store as Store, live);
    if (data !== undefined) parts.use(await publishEndpoints(data, endpoints));
    this.#ready = true;
    greet(endpoints, live.current(), this.#options, this.#context.out);
    await this.#api.greet(endpoints, this.#context.out);
    this.#log.info({ endpoints: Object.fromEntries(endpoints), roles: [...this.#options.roles] }, "ready");
    await aborted(this.#stop.drain);
    this.#ready = false;
    await this.#drain();
  }

  async #openHealth(metrics: Metrics, endpoints: Endpoints, parts: AsyncDisposableStack): Promise<void> {
    const where = this.#options.listen.health;
    if (where === undefined) return;
    const health = await serveHealth({
      ...where,
      reasons: () => this.#reasons(),
      ...this.#api.web(metrics),
      metrics: (accept) => exposition(metrics.registry, accept),
    });
    parts.use(health);
    endpoints.set("health", { host: health.host, port: health.port });
  }

  async #openStore(metrics: Metrics, parts: AsyncDisposableStack): Promise<LiveDirectory> {
    const options = this.#options;
    const log = this.#log;
    const signal = AbortSignal.any([this.#stop.drain, this.#context.signal]);
    let live: LiveDirectory | undefined;
    const store = await openStore({
      options,
      env: this.#context.env,
      log,
      signal,
      parts,
      observeCommit: metrics.commit,
      observeClock: metrics.clockAhead,
      observeFault: metrics.storeFault,
      observeMailbox: metrics.mailbox,
      observeDigests: metrics.digests,
      lifetimeMs: () => longestLifetime(live),
      reliedOn: (namespace) => live !== undefined && hooksOf(live.current()).has(namespace),
    });
    this.#store = store;
    this.#waitsFor = "the directory to be published";
    const { link, vault, member, directoryBytes: bytes } = store;
    if (options.files.length > 0) {
      const { publishFiles } = await import("./resources.ts");
      const { files: paths, replicas, publishAs: owner } = options;
      parts.use(await publishFiles({ paths, link, vault, replicas, bytes, owner, log, signal }));
    }
    const watched = parts.use(await watchDirectory({ link, vault, log, signal, namespace: store.namespace }));
    live = watched;
    this.#waitsFor = "its listeners and its share of the queue";
    parts.use(await acknowledge({ link, live: watched, member, log, filters: this.#filterHealth }));
    return watched;
  }

  async #openRoles(
    live: LiveDirectory,
    metrics: Metrics,
    endpoints: Endpoints,
    parts: AsyncDisposableStack,
  ): Promise<void> {
    const { roles } = this.#options;
    const listens = roles.has("gateway") || roles.has("mailbox");
    this.#certificate = listens
      ? parts.use(await listenerCertificate(this.#options, live, this.#log))
      : noCertificate;
    const store = this.#store as Store;
    const reports = await this.#openReports(live, metrics, parts);
    const tracing = await openTracing(this.#context.env, store.member.pod ?? store.member.member);
    if (tracing) parts.use(tracing);
    const lines = parts.use(new MailLines(this.#log, systemClock));
    const common: Common = {
      ...(reports ? { note: reports.note } : {}),
      tracing,
      lines,
      options: this.#options,
      store,
      live,
      metrics,
      certificate: this.#certificate,
      proxies: this.#proxies(),
      log: this.#log,
    };
    const { door, sasl } = await this.#openLogins(live, store, parts);
    if (roles.has("relay") || roles.has("mailbox")) {
      const { openDelivery } = await import("./delivery.ts");
      const listening = () => [...endpoints.values()];
      this.#delivery = parts.use(
        await openDelivery({
          ...common,
          abort: this.#stop.abort,
          drain: this.#stop.drain,
          listening,
          clientSessions: () => this.#sessions(),
        }),
      );
    }
    if (roles.has("mailbox")) await this.#openMailboxes(common, door, endpoints, parts);
    if (roles.has("gateway")) await this.#openGateway({ ...common, sasl }, endpoints, parts);
  }

  async #openMailboxes(
    common: Common,
    door: Access["door"],
    endpoints: Endpoints,
    parts: AsyncDisposableStack,
  ): Promise<void> {
    const { openImap } = await import("./imap.ts");
    const { openPop3 } = await import("./pop3.ts");
    const { openManageSieve } = await import("./managesieve.ts");
    for (const doors of [
      parts.use(await openImap({ ...common, door: door("IMAP") })),
      parts.use(await openPop3({ ...common, door: door("POP3") })),
      parts.use(await openManageSieve({ ...common, door: door("ManageSieve") })),
    ]) {
      this.#doors.push(doors);
      for (const [name, { port }] of doors.servers) this.#tell(endpoints, name, port);
    }
  }

  async #openGateway(
    common: Common & Pick<GatewayContext, "sasl">,
    endpoints: Endpoints,
    parts: AsyncDisposableStack,
  ): Promise<void> {
    const { openGateway } = await import("./gateway.ts");
    const { openWebhooks } = await import("./webhooks.ts");
    const gateway = parts.use(await openGateway({ ...common, filterHealth: this.#filterHealth }));
    this.#doors.push(gateway);
    parts.use(await openWebhooks(common));
    for (const [name, { port }] of gateway.servers) this.#tell(endpoints, name, port);
    if (gateway.policies) this.#tell(endpoints, "mta-sts", gateway.policies.port);
  }

  #tell(endpoints: Endpoints, name: ListenerName, port: number): void {
    endpoints.set(name, { host: this.#options.listen[name]?.host ?? "", port });
  }

  /** Whoever accepts or sends has something to tell others of. */
  async #openReports(
    live: LiveDirectory,
    metrics: Metrics,
    parts: AsyncDisposableStack,
  ): Promise<Reports | undefined> {
    const options = this.#options;
    if (!options.roles.has("gateway") && !options.roles.has("relay")) return undefined;
    const { startReports } = await import("./reports.ts");
    const store = this.#store as Store;
    return parts.use(await startReports({ options, store, live, metrics, log: this.#log }));
  }

  async #openLogins(live: LiveDirectory, store: Store, parts: AsyncDisposableStack): Promise<Access> {
    const log = this.#log;
    const access = openLogins({ live, vault: store.vault, uses: store.mailboxes.uses, log });
    const { link } = store;
    const { replicas } = this.#options;
    const group = store.namespace === undefined ? {} : { group: store.namespace };
    const events = { link, guard: access.guard, replicas, now: systemClock.now, log, ...group };
    parts.use(await new LoginEvents(events).start());
    return access;
  }

  /**
   * Listeners first, so that nothing new comes in; then what is being delivered. The grace bounds both. Whoever sends us
   * connections learns a moment later that we are not ready: until then they are taken.
   */
  async #drain(): Promise<void> {
    const cut = aborted(this.#stop.abort).then(() => {
      for (const door of this.#doors) door.abort();
    });
    const { drainDelayMs } = this.#options;
    if (drainDelayMs > 0 && this.#doors.length > 0)
      await Promise.race([systemClock.sleep(drainDelayMs, this.#stop.abort).catch(() => {}), cut]);
    await Promise.race([Promise.all(this.#doors.map((door) => door.drain())), cut]);
    await Promise.race([this.#delivery?.release(), cut]);
  }

  #sessions(): number {
    let open = 0;
    for (const { servers } of this.#doors) for (const { sessions } of servers.values()) open += sessions;
    return open;
  }

  #proxies(): Proxies | undefined {
    const { proxyFrom } = this.#options;
    if (proxyFrom.length === 0) return undefined;
    return new Proxies({ from: cidrTable(proxyFrom.map((cidr) => [cidr, true] as const)), log: this.#log });
  }

  #reasons(): string[] {
    const reasons: string[] = [];
    if (this.#stop.drain.aborted) reasons.push("stopping");
    else if (!this.#ready) reasons.push(`starting: ${this.#waitsFor}`);
    if (this.#store && !this.#store.link.isUp()) reasons.push("no connection to NATS");
    if (this.#ready && this.#delivery?.healthy === false) reasons.push("the lease on the queue is not held");
    return reasons;
  }
}

const WEEK_MS = 7 * 86_400_000;

function longestLifetime(live: LiveDirectory | undefined): number {
  let longest = WEEK_MS;
  for (const { retry } of live?.current().policies() ?? []) longest = Math.max(longest, retry.expireAfterMs);
  return longest;
}
