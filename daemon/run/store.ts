/**
 * Opens what every role stands on: NATS (a private child, or one that runs), the streams, the queue, the mailbox store,
 * the log of events, and the directory.
 *
 * In:     the options of `run`.
 * Out:    a `Store` whose parts are released in reverse order of their opening.
 * Fails:  `CommandError` with a remedy; `StoreFault` when JetStream does not answer.
 */
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { CommandError } from "../cli/context.ts";
import { type Clock, systemClock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { authorityFrom, connectNats, credentialFrom, type Link, type NatsTarget } from "../nats/connect.ts";
import type { Member } from "../nats/directory/acks.ts";
import { loadOrCreateKey, readKeys, rereadKeys } from "../nats/directory/keys.ts";
import { Vault } from "../nats/directory/vault.ts";
import { EventLog } from "../nats/events.ts";
import type { FaultKind } from "../nats/fault.ts";
import {
  awaitInstallation,
  ensureInstallation,
  ensureNamespaceMailboxes,
  type InstallationSizes,
} from "../nats/installation.ts";
import type { Layout } from "../nats/layout.ts";
import type { ObserveMailbox } from "../nats/mailbox/observed.ts";
import { JetStreamMailboxStore } from "../nats/mailbox/store.ts";
import { JetStreamQueue } from "../nats/queue.ts";
import { startPrivateServer } from "../nats/server/private.ts";
import { storeBudget } from "../nats/server/space.ts";
import { forgetOwners, requireJetStream } from "../nats/streams.ts";
import { unreachable } from "../nats/unreachable.ts";
import { namespaceShard } from "../nats/users/permissions.ts";
import { openClock } from "./clock.ts";
import type { RunOptions } from "./options.ts";
import { ownServer, patiently } from "./patiently.ts";

export interface Store {
  readonly link: Link;
  /** What is written down, and waited for, goes by this one: a jump of one machine's clock is not believed. */
  readonly clock: Clock;
  readonly queue: JetStreamQueue;
  readonly mailboxes: JetStreamMailboxStore;
  readonly events: EventLog;
  readonly vault: Vault;
  readonly member: Member;
  /** The only namespace that this process serves. */
  readonly namespace: string | undefined;
  /** What the directory may take of a private store; of another NATS: its usual size. */
  readonly directoryBytes: number | undefined;
}

export interface StoreContext {
  readonly options: RunOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly parts: AsyncDisposableStack;
  readonly observeCommit: (entries: number, ms: number) => void;
  /** By how much this machine's clock is ahead of that of NATS. */
  readonly observeClock: (aheadMs: number) => void;
  readonly observeFault: (kind: FaultKind) => void;
  readonly observeMailbox: ObserveMailbox;
  readonly observeDigests: (octets: number) => void;
  /** The longest queue lifetime of any policy, ms. */
  readonly lifetimeMs: () => number;
  /** Whether somebody relies on every event of a namespace. */
  readonly reliedOn: (namespace: string) => boolean;
}

const STREAMS_LATE = "waiting for NATS to make the streams";
/** Bodies outlive the longest queue lifetime by this much. */
const MARGIN_S = 2 * 86_400;

export async function openStore(context: StoreContext): Promise<Store> {
  const { options, log, parts, env, observeCommit, observeFault } = context;
  const vault = await vaultFrom(options, env);
  const { link, budget } = await openLink(context);
  parts.use(link);
  const clock = parts.use(await openClock(link, log, context.observeClock)).clock;
  const namespace = options.namespace ?? link.confined ?? vault.namespace;
  // The folder's lock says that nobody else works on this store: owners of an earlier life are gone.
  if (options.nats.length === 0)
    await patiently(() => forgetOwners(link), STREAMS_LATE, log, context.signal, ownServer);
  const sizes = sizesOf(budget, options);
  const { shards, partitions } = await installed(link, namespace, sizes, context);
  const member = memberOf(options, env);
  const events = parts.use(
    new EventLog({ link, clock, log, wanted: options.keepEvents ? () => true : context.reliedOn }),
  );
  const common = { link, clock, log, shards, observeCommit };
  const whose = namespace === undefined || !hasMailboxes(options) ? {} : { namespace };
  const mailboxes = parts.use(
    new JetStreamMailboxStore({
      ...common,
      ...whose,
      chance: Math.random,
      observe: context.observeMailbox,
      observeDigests: context.observeDigests,
    }),
  );
  const bodyTtlSeconds = () => Math.ceil(context.lifetimeMs() / 1_000) + MARGIN_S;
  const bounded = budget === 0 ? {} : { storeBytes: budget };
  const queue = parts.use(
    new JetStreamQueue({ ...common, partitions, bodyTtlSeconds, observeFault, ...bounded }),
  );
  await queue.start();
  const { directoryBytes } = sizes;
  return { link, clock, queue, mailboxes, events, vault, member, namespace, directoryBytes };
}

/** Roles that look into mailboxes: those of their namespace alone, when they serve one. */
const hasMailboxes = ({ roles }: RunOptions): boolean => roles.has("mailbox") || roles.has("gateway");

/** Makes the streams, or waits for those who may. */
async function installed(
  link: Link,
  namespace: string | undefined,
  sizes: InstallationSizes,
  { options, log, signal }: StoreContext,
): Promise<Layout> {
  const own = namespace !== undefined && hasMailboxes(options);
  if (link.confined !== undefined) {
    const shards = own ? [namespaceShard(link.confined)] : [];
    return awaitInstallation(link, shards, { clock: systemClock, log, signal });
  }
  const make = async () => {
    const layout = await ensureInstallation(link, sizes);
    if (own) await ensureNamespaceMailboxes(link, namespace, options.replicas);
    return layout;
  };
  return patiently(make, STREAMS_LATE, log, signal, options.nats.length === 0 ? ownServer : undefined);
}

/** Who we are; `POD_NAME` and `POD_NAMESPACE` say it in a cluster. */
function memberOf({ roles }: RunOptions, env: StoreContext["env"]): Member {
  const pod = env["POD_NAME"];
  const namespace = env["POD_NAMESPACE"];
  return {
    member: `${pod ?? hostname()}-${process.pid}`,
    ...(pod ? { pod } : {}),
    ...(namespace ? { namespace } : {}),
    roles: [...roles],
  };
}

async function openLink({
  options,
  env,
  log,
  signal,
  parts,
}: StoreContext): Promise<{ link: Link; budget: number }> {
  const name = `postfleet-${[...options.roles].join("-")}`;
  if (options.nats.length > 0) {
    const target = async () => ({
      servers: options.nats,
      credential: await credentialFrom(env),
      name,
      ...(await authorityFrom(env)),
    });
    return { link: await connectPatiently(target, log, signal), budget: options.maxStoreBytes ?? 0 };
  }
  const dataDir = options.data as string;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const maxStoreBytes = options.maxStoreBytes ?? (await storeBudget(dataDir));
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const server = parts.use(await startPrivateServer({ dataDir, log, signal, progress, maxStoreBytes }));
  const { url, user, password } = server;
  const credential = { kind: "password", user, password } as const;
  const target = { servers: [url], credential, name };
  const link = await patiently(
    () => connectOrExplain(target, log),
    "waiting for NATS",
    log,
    signal,
    ownServer,
  );
  server.onRestart(({ url: now, moved }) => {
    if (moved) link.moveTo(now);
  });
  return { link, budget: maxStoreBytes };
}

/** A NATS that others run may start after us, and its credential may come later: that is said once, and waited for. */
async function connectPatiently(
  target: () => Promise<NatsTarget>,
  log: Log,
  signal: AbortSignal,
): Promise<Link> {
  return patiently(async () => connectOrExplain(await target(), log), "waiting for NATS", log, signal);
}

async function connectOrExplain(target: NatsTarget, log: Log): Promise<Link> {
  try {
    await using parts = new AsyncDisposableStack();
    const link = parts.use(await connectNats(target, log));
    await requireJetStream(link);
    parts.move();
    return link;
  } catch (error) {
    throw new CommandError(unreachable(target, error), 1, error);
  }
}

/**
 * How a private store is shared out: the queue's records, its bodies, and the mailboxes each have a bound of their own,
 * so that a full queue cannot take the room of the mailboxes, and the other way round. JetStream sets aside what is
 * bounded, so together they must fit, with room for those whose size is fixed.
 */
export function sizesOf(
  budget: number,
  { replicas, eventAgeMs, eventBytes: asked }: Pick<RunOptions, "replicas" | "eventAgeMs" | "eventBytes">,
) {
  const share = (part: number) => Math.floor(budget * part);
  const usual = share(0.05);
  const eventBytes = budget === 0 ? asked : Math.min(asked ?? Math.min(256 << 20, usual), share(0.25));
  // Whoever wants to keep more events has room for less mail.
  const more = Math.max(0, (eventBytes ?? 0) - usual);
  return {
    replicas,
    queueBytes: share(0.2),
    bodyBytes: share(0.2),
    mailboxBytes: budget === 0 ? 0 : share(0.42) - more,
    eventBytes: eventBytes ?? 0,
    eventAgeMs,
    reportBytes: Math.min(64 << 20, share(0.01)),
    ownerBytes: Math.min(64 << 20, share(0.02)),
    directoryBytes: budget === 0 ? undefined : share(0.05),
    ...(budget === 0 ? {} : { suppressionBytes: Math.min(64 << 20, share(0.01)) }),
    hookBytes: budget === 0 ? undefined : Math.min(80 << 20, share(0.014)),
    greyBytes: budget === 0 ? undefined : Math.min(64 << 20, share(0.005)),
  };
}

/**
 * The keys that seal secrets in the directory, newest first: from `POSTFLEET_DIRECTORY_KEY_FILE` (files of 32 octets or
 * their base64, joined by commas), else a file in DATA that is made when it is missing.
 */
async function vaultFrom(options: RunOptions, env: StoreContext["env"]): Promise<Vault> {
  const files = env["POSTFLEET_DIRECTORY_KEY_FILE"]?.split(",").filter(Boolean) ?? [];
  if (files.length > 0)
    return new Vault((await Promise.all(files.map(readKeys))).flat(), () => rereadKeys(files));
  if (options.data !== undefined)
    return new Vault([await loadOrCreateKey(join(options.data, "directory.key"))]);
  throw new CommandError(
    "secrets in the directory are sealed with a key: name its file in POSTFLEET_DIRECTORY_KEY_FILE (32 random octets, the " +
      "same for every daemon), or give --data DIR",
    2,
  );
}
