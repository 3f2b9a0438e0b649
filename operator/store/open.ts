/**
 * The mail's store as the operator uses it: everything that stands on one connection to NATS.
 *
 * In:     where NATS is, the operator's credential, the master key of the directory.
 * Out:    a `Store`; NATS that is not there yet is waited for, until the signal ends the wait. The streams are there then:
 *         daemons of a namespace may not make them.
 */
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { connectNats, type Link, type NatsCredential } from "../../daemon/nats/connect.ts";
import { type Ack as DaemonAck, watchAcks } from "../../daemon/nats/directory/acks.ts";
import { DirectoryPublisher } from "../../daemon/nats/directory/publish.ts";
import { Vault } from "../../daemon/nats/directory/vault.ts";
import { EventLog } from "../../daemon/nats/events.ts";
import { HookConditions } from "../../daemon/nats/hook-conditions.ts";
import { ensureInstallation, ensureNamespaceMailboxes, unbounded } from "../../daemon/nats/installation.ts";
import { JetStreamMailboxStore } from "../../daemon/nats/mailbox/store.ts";
import { JetStreamQueue } from "../../daemon/nats/queue.ts";
import type { Ack, Acks } from "../reconcile/fleet.ts";
import type { Backlog, Figures, HookRecords, MailStore } from "../reconcile/ports.ts";
import type { Bucket } from "../reconcile/publication.ts";
import type { Declare } from "../reconcile/resolve.ts";
import { QueueBacklog } from "./backlog.ts";
import { declareWith } from "./declare.ts";
import { AskedFigures } from "./figures.ts";
import { StoredMail } from "./mail.ts";

export interface StoreOptions {
  readonly servers: readonly string[];
  readonly credential: NatsCredential;
  /** PEM of who signs NATS's certificate; with it, TLS is required. */
  readonly ca?: string;
  /** The first seals, all open. */
  readonly directoryKeys: readonly Buffer[];
  /** Copies of each stream. */
  readonly replicas: number;
  /** `Namespaced`: each namespace's daemons keep their mailboxes apart. */
  readonly placement: "Shared" | "Namespaced";
  /** What is absent stays as it is found. */
  readonly events?: { readonly ageMs?: number; readonly bytes?: number };
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the wait for NATS. */
  readonly signal: AbortSignal;
  /** Throws unless we may act: asked before anything is published. */
  readonly assert: () => void;
}

export interface Store extends AsyncDisposable {
  readonly bucket: Bucket;
  readonly declare: Declare;
  readonly acks: Acks;
  readonly backlog: Backlog;
  readonly figures: Figures;
  readonly mail: MailStore;
  readonly hooks: HookRecords;
  isUp(): boolean;
}

/** An order may move a body out of its job's record: it goes with its last job anyway. */
const bodyTtlSeconds = () => 10 * 365 * 86_400;
const longestPauseMs = 5_000;

export async function openStore(options: StoreOptions): Promise<Store> {
  const { clock, log, replicas, assert } = options;
  await using parts = new AsyncDisposableStack();
  const link = parts.use(await connectPatiently(options));
  const { ageMs: eventAgeMs, bytes: eventBytes = 0 } = options.events ?? {};
  const sizes = { ...unbounded(replicas), eventAgeMs, eventBytes };
  const { shards, partitions } = await ensureInstallation(link, sizes);
  const vault = new Vault(options.directoryKeys);
  const publisher = parts.use(
    await DirectoryPublisher.open({ link, vault, clock, log, replicas, owner: "operator" }),
  );
  const acks = parts.use(await watchAcks(link, log));
  const events = parts.use(new EventLog({ link, clock, log }));
  const queue = parts.use(new JetStreamQueue({ link, clock, log, shards, partitions, bodyTtlSeconds }));
  const mailboxes = { link, clock, chance: Math.random, log, shards };
  const mail = parts.use(
    new StoredMail({
      open: (namespace) =>
        new JetStreamMailboxStore(namespace === undefined ? mailboxes : { ...mailboxes, namespace }),
      apart: options.placement === "Namespaced",
      make: (namespace) => ensureNamespaceMailboxes(link, namespace, replicas),
    }),
  );
  const hooks = parts.use(await new HookConditions(link, log).open());
  const owned = parts.move();
  return {
    bucket: {
      publish(declared, signal, undecided) {
        assert();
        return publisher.publish(declared, signal, undecided);
      },
      sourceOf: (resource) => publisher.sourceOf(resource),
      publishedAt: (resource) => publisher.publishedAt(resource),
      knownSince: (resource) => publisher.knownSince(resource),
      revisionIn: (namespace) => publisher.revisionIn(namespace),
      get revision() {
        return publisher.revision;
      },
    },
    declare: declareWith(publisher),
    acks: { current: () => acks.current().flatMap(ofPod), onChange: (listener) => acks.onChange(listener) },
    backlog: new QueueBacklog(queue, (event, about) => events.tell(event, about)),
    figures: new AskedFigures(link, clock, log),
    mail,
    hooks,
    isUp: () => link.isUp(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Daemons outside of the cluster are nobody's business here. */
function ofPod({ pod, namespace, revision, filters = [] }: DaemonAck): readonly Ack[] {
  return pod === undefined || namespace === undefined ? [] : [{ pod, namespace, revision, filters }];
}

async function connectPatiently(options: StoreOptions): Promise<Link> {
  const { servers, credential, ca, clock, log, signal } = options;
  const target = { servers, credential, name: "postfleet-operator", ...(ca === undefined ? {} : { ca }) };
  let told = "";
  for (let pause = 250; ; pause = Math.min(pause * 2, longestPauseMs)) {
    try {
      return await connectNats(target, log);
    } catch (error) {
      signal.throwIfAborted();
      const words = { servers, error: String(error) };
      // Once for each reason: what comes after "connection refused" may be what somebody has to mend.
      if (words.error !== told) log.info(words, "waiting for NATS");
      told = words.error;
      await clock.sleep(pause, signal);
    }
  }
}
