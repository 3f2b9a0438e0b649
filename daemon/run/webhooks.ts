/**
 * Webhooks in a daemon: those of every namespace whose lease it holds. Gateways do it, which are always there (relays may be
 * scaled to none), for policies' hooks as for domains'.
 *
 * In:     the directory, the store, and where hooks may call besides the public Internet.
 * Out:    events are told until it is disposed of; then what is under way is finished, places are written and leases given up.
 */
import type { LiveDirectory } from "../directory/directory.ts";
import { hooksOf } from "../directory/hook-index.ts";
import { Resolver } from "../dns/resolver.ts";
import { systemServers } from "../dns/servers.ts";
import { cidrTable, isLoopback } from "../kit/cidr.ts";
import { systemClock } from "../kit/clock.ts";
import { FairSlots } from "../kit/fair-slots.ts";
import type { Log } from "../kit/log.ts";
import { HookLeases } from "../nats/hook-leases.ts";
import { type BookOptions, eventSource, type JetStreamHookBook, openBook } from "../nats/webhooks.ts";
import { openPoster, type Poster } from "../net/post-event.ts";
import { newMessageId } from "../queue/ids.ts";
import { Carrier } from "../webhooks/carrier.ts";
import { addressesBy } from "./addresses.ts";
import type { Metrics } from "./metrics.ts";
import type { RunOptions } from "./options.ts";
import type { Store } from "./store.ts";

export interface WebhooksContext {
  readonly options: Pick<RunOptions, "dns" | "webhookNetworks" | "nats">;
  readonly store: Pick<Store, "link" | "clock" | "member" | "namespace">;
  readonly live: LiveDirectory;
  readonly metrics: Pick<Metrics, "webhook" | "webhooks">;
  readonly log: Log;
}

/** Requests at once, to all receivers together; a namespace has a share of them, half when it is alone. */
const CALLS = 256;
const PAUSE_MS = 500;
/** Hooks that read for themselves at once. */
const CATCHING_UP = 16;

export async function openWebhooks(context: WebhooksContext): Promise<AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const { options } = context;
  const servers = options.dns.length === 0 ? await systemServers() : options.dns;
  const resolver = parts.use(new Resolver({ servers, clock: systemClock }));
  const poster = parts.use(await openPoster({ resolve: addressesBy(resolver), allowed: allowedBy(options) }));
  parts.use(new Webhooks(context, poster).start());
  return parts.move();
}

/** On a laptop this machine is where receivers are tried out. */
function allowedBy({ webhookNetworks, nats }: WebhooksContext["options"]): (address: string) => boolean {
  const table = cidrTable(webhookNetworks.map((cidr) => [cidr, true] as const));
  const isLaptop = nats.length === 0;
  return (address) => table.find(address) === true || (isLaptop && isLoopback(address));
}

class Webhooks implements AsyncDisposable {
  readonly #context: WebhooksContext;
  readonly #poster: Poster;
  readonly #leases: HookLeases;
  /** By namespace; what opens or ends one waits for what came before. */
  readonly #held = new Map<string, { turn: Promise<void>; carrier?: Carrier; end?: () => Promise<void> }>();
  readonly #calls = new FairSlots(CALLS);
  readonly #catchingUp = new FairSlots(CATCHING_UP);
  #forgetChanges = () => {};
  #isOver = false;

  constructor(context: WebhooksContext, poster: Poster) {
    const { store, options, log } = context;
    const { link, member, namespace } = store;
    this.#context = context;
    this.#poster = poster;
    this.#leases = new HookLeases({
      link,
      member: `${member.member}-${newMessageId(systemClock.now())}`,
      namespace,
      alone: options.nats.length === 0,
      gained: (of) => this.#inTurn(of, () => this.#open(of)),
      lost: (of) => this.#inTurn(of, () => this.#end(of)),
      clock: systemClock,
      log,
    });
    context.metrics.webhooks(() => this.#figures());
  }

  /** Mail does not wait for it: a store that is away, or has no place for hooks yet, is waited for behind. */
  start(): this {
    this.#forgetChanges = this.#context.live.onChange(() => this.#look());
    this.#look();
    void this.#leases.start().catch(() => {}); // it was closed before
    return this;
  }

  /** What the directory wants now. */
  #look(): void {
    const { live, store } = this.#context;
    const hooks = hooksOf(live.current());
    const namespaces = [...hooks.keys()].filter(
      (of) => store.namespace === undefined || of === store.namespace,
    );
    // First, so that hooks which are no more are forgotten before their namespace is given up.
    for (const of of this.#held.keys())
      this.#inTurn(of, async () => this.#held.get(of)?.carrier?.set(hooksOf(live.current()).get(of) ?? []));
    this.#leases.want(new Set(namespaces));
  }

  #inTurn(namespace: string, work: () => Promise<void> | undefined): void {
    const held = this.#held.get(namespace) ?? { turn: Promise.resolve() };
    this.#held.set(namespace, held);
    held.turn = held.turn.then(work).catch((error: unknown) => {
      this.#context.log.warn(
        { err: error, namespace },
        "the webhooks of a namespace cannot be looked after yet",
      );
      if (!this.#isOver) this.#leases.usurped(namespace); // it is tried again with the next lease
    });
  }

  async #open(namespace: string): Promise<void> {
    const held = this.#held.get(namespace);
    if (held === undefined || held.carrier || this.#isOver) return;
    const { store, live, metrics, log } = this.#context;
    const { link } = store;
    let carrier: Carrier | undefined;
    const book = await this.#book(namespace, (hook, waiting) => carrier?.recall(hook, waiting));
    if (book === undefined) return;
    carrier = new Carrier(
      {
        namespace,
        book,
        remembered: book.remembered,
        forget: (hook) => book.forget(hook),
        source: eventSource(link, log, store.clock),
        post: this.#poster.post,
        calls: this.#calls.of(namespace),
        catchingUp: this.#catchingUp.of(namespace),
        clock: store.clock,
        chance: Math.random,
        log,
        counted: metrics.webhook,
        onUsurped: () => this.#leases.usurped(namespace),
      },
      hooksOf(live.current()).get(namespace) ?? [],
    );
    held.carrier = carrier;
    held.end = async () => {
      await carrier[Symbol.asyncDispose]();
      await book[Symbol.asyncDispose]();
    };
    log.info({ namespace }, "looking after the webhooks of a namespace");
  }

  /** A store that is slow to answer is asked again, for as long as the lease is ours. */
  async #book(namespace: string, onAgain: BookOptions["onAgain"]): Promise<JetStreamHookBook | undefined> {
    const { store, log } = this.#context;
    for (let told = false; this.#leases.holds(namespace) && !this.#isOver; told = true) {
      try {
        return await openBook({ link: store.link, namespace, clock: store.clock, log, onAgain });
      } catch (error) {
        if (!told) log.warn({ err: error, namespace }, "what webhooks remember cannot be read yet");
        await systemClock.sleep(PAUSE_MS);
      }
    }
    return undefined;
  }

  async #end(namespace: string): Promise<void> {
    const held = this.#held.get(namespace);
    const end = held?.end;
    delete held?.carrier;
    delete held?.end;
    await end?.();
  }

  *#figures() {
    for (const { carrier } of this.#held.values()) if (carrier) yield* carrier.figures();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#forgetChanges();
    for (const namespace of this.#held.keys()) this.#inTurn(namespace, () => this.#end(namespace));
    await Promise.all([...this.#held.values()].map(({ turn }) => turn));
    await this.#leases[Symbol.asyncDispose]();
  }
}
