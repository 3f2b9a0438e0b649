/**
 * An installation seen by a process that owns no mail: the console around a shared NATS, and commands where no daemon
 * answers. It opens no secrets: specs are read by a key that opens nothing.
 *
 * In:     a connection to NATS, which stays the caller's.
 * Out:    an `Installation` until it is disposed of, with everything that was opened for it.
 * Fails:  `StoreFault` when NATS does not answer; the signal's reason.
 */
import { randomBytes } from "node:crypto";
import { DirectoryBuilder } from "../directory/builder.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import { DirectoryHolder } from "../directory/live.ts";
import { Resolver } from "../dns/resolver.ts";
import { type Server, systemServers } from "../dns/servers.ts";
import type { Clock } from "../kit/clock.ts";
import { type Log, silent } from "../kit/log.ts";
import type { Link } from "../nats/connect.ts";
import { Vault } from "../nats/directory/vault.ts";
import { watchDirectory } from "../nats/directory/watch.ts";
import { EventLog } from "../nats/events.ts";
import type { Layout } from "../nats/layout.ts";
import { JetStreamQueue } from "../nats/queue.ts";
import { type Installation, openInstallation } from "./installation.ts";

export interface StandaloneOptions {
  readonly link: Link;
  readonly layout: Layout;
  /** The only one that is looked at; a user of one namespace sees no other anyway. */
  readonly namespace?: string | undefined;
  /** How long the directory may take, ms; then, or when nothing was published, it is taken for empty. Absent: it is waited for. */
  readonly patienceMs?: number;
  readonly dns: readonly Server[];
  readonly hostname: string;
  readonly smtpPort: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** An edit may move a body out of its record; it goes with its job, whatever this says. */
const BODY_TTL_S = 10 * 365 * 86_400;

export async function openStandalone(options: StandaloneOptions): Promise<Installation> {
  const { link, layout, dns, hostname, smtpPort, clock, log } = options;
  await using parts = new AsyncDisposableStack();
  const live = await directoryOf(options, parts);
  const bodyTtlSeconds = () => BODY_TTL_S;
  const queue = parts.use(new JetStreamQueue({ link, clock, log, ...layout, bodyTtlSeconds }));
  await queue.start();
  const events = parts.use(new EventLog({ link, clock, log }));
  const servers = dns.length > 0 ? dns : await systemServers();
  const installation = parts.use(
    await openInstallation({
      link,
      layout,
      namespace: link.confined ?? options.namespace,
      live,
      queue,
      closed: () => queue.closed,
      record: (event, about) => events.tell(event, about),
      resolver: parts.use(new Resolver({ servers, clock })),
      hostname,
      smtpPort,
      clock,
      log,
    }),
  );
  const owned = parts.move();
  return { ...installation, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function directoryOf(
  { link, log, signal, patienceMs }: StandaloneOptions,
  parts: AsyncDisposableStack,
): Promise<LiveDirectory> {
  const patience = patienceMs === undefined ? signal : AbortSignal.timeout(patienceMs);
  try {
    return parts.use(
      await watchDirectory({
        link,
        vault: new Vault([randomBytes(32)]),
        // Every record's secrets stay sealed, which is as it should be: nothing to warn of.
        log: silent,
        signal: AbortSignal.any([signal, patience]),
        namespace: link.confined,
        ...(patienceMs === undefined ? {} : { orNothing: true }),
      }),
    );
  } catch (error) {
    if (signal.aborted || !patience.aborted) throw error;
    return new DirectoryHolder(new DirectoryBuilder().build(0), log);
  }
}
