/**
 * Everything an installation rests on, made in order: streams of the queue, the directory, acknowledgements, logins, reports,
 * the suppression list, the memory of greylisting, webhooks, mailboxes; and last the copy of the layout, which tells the others that all of it is there.
 *
 * In:     a link that may make streams; sizes.
 * Out:    the layout in force. Making is idempotent: several processes may do it at once.
 * Others: who is confined to a namespace makes nothing and waits (`awaitInstallation`).
 */
import { type Clock, systemClock } from "../kit/clock.ts";
import { type Log, silent } from "../kit/log.ts";
import type { Link } from "./connect.ts";
import { ensureAcks, ensureDirectory } from "./directory/bucket.ts";
import { StoreFault } from "./fault.ts";
import { ensureGreyBook } from "./grey-book.ts";
import { moveLetters } from "./hook-move.ts";
import { findLayout, type Layout, tellLayout } from "./layout.ts";
import { ensureLogins } from "./login-events.ts";
import { ensureMailboxStreams } from "./mailbox/streams.ts";
import { mailStream, type Shard } from "./mailbox/subjects.ts";
import { ensureReports } from "./reports.ts";
import { ensureQueueStreams, type StreamSizes } from "./streams.ts";
import { ensureSuppression } from "./suppression-records.ts";
import { namespaceShard } from "./users/permissions.ts";
import { ensureHookStreams } from "./webhook-records.ts";

export interface InstallationSizes extends StreamSizes {
  /** Octets; 0: as it is found, as much as the server gives when it is made. */
  readonly mailboxBytes: number;
  readonly directoryBytes?: number | undefined;
  readonly reportBytes?: number;
  /** Absent: enough for some 150,000 addresses. */
  readonly suppressionBytes?: number;
  readonly greyBytes?: number | undefined;
  readonly hookBytes?: number | undefined;
}

/** In a cluster, where the server's own limit is the bound. */
export const unbounded = (replicas: number): InstallationSizes => ({
  replicas,
  queueBytes: 0,
  bodyBytes: 0,
  eventBytes: 0,
  mailboxBytes: 0,
  // JetStream sets aside what is bounded, and all of it must fit a volume of 1Gi. Ten thousand domains take an eighth of this.
  directoryBytes: 192 << 20,
});

/** The layout of a new installation; one that exists keeps its own. */
const LAYOUT: Layout = { shards: 1, partitions: 64 };

export async function ensureInstallation(link: Link, sizes: InstallationSizes): Promise<Layout> {
  const { replicas, mailboxBytes, reportBytes, directoryBytes: bytes } = sizes;
  const layout = await ensureQueueStreams(link, LAYOUT, sizes);
  await ensureDirectory(link, bytes === undefined ? { replicas } : { replicas, bytes });
  await ensureAcks(link);
  await ensureLogins(link, replicas);
  await ensureReports(link, replicas, reportBytes);
  await ensureSuppression(link, { replicas, size: sizes.suppressionBytes });
  await ensureHookStreams(link, { replicas, bytes: sizes.hookBytes });
  await moveLetters(link, undefined, { clock: systemClock, log: silent, only: "dead" });
  await ensureGreyBook(link, { replicas, bytes: sizes.greyBytes });
  await ensureMailboxStreams(link, layout.shards, { replicas, bytes: mailboxBytes });
  await tellLayout(link, layout);
  return layout;
}

/** The stream for the mailboxes of a namespace whose daemons serve it alone. */
export const ensureNamespaceMailboxes = (link: Link, namespace: string, replicas: number): Promise<void> =>
  ensureMailboxStreams(link, [namespaceShard(namespace)], { replicas, bytes: 0 });

/** Resolves when the installation is there and, if they are wanted, the mailboxes of these shards; rejects when aborted. */
export async function awaitInstallation(
  link: Link,
  mailboxes: readonly Shard[],
  { clock, log, signal }: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<Layout> {
  for (let told = false; ; ) {
    try {
      const layout = await findLayout(link);
      if (layout && (await haveMailboxes(link, mailboxes))) return layout;
    } catch (error) {
      if (!(error instanceof StoreFault)) throw error;
    }
    if (!told)
      log.warn(
        {},
        "waiting for the installation: its streams are made by the operator, or by daemons that serve every namespace",
      );
    told = true;
    await clock.sleep(1_000, signal);
  }
}

/** Whether there are streams for the mailboxes of these. */
export async function haveMailboxes({ nc }: Link, shards: readonly Shard[]): Promise<boolean> {
  for (const shard of shards) {
    const answer = await nc
      .request(`$JS.API.STREAM.INFO.${mailStream(shard)}`, "", { timeout: 5_000 })
      .catch((error) => {
        throw new StoreFault("away", "no answer about mailboxes", error);
      });
    if (answer.json<{ readonly error?: object }>().error) return false;
  }
  return true;
}
