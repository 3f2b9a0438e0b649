/**
 * The mailbox store on a real nats-server.
 *
 * In:   a link. Out: `mailboxStore`, on streams that are there; `emptyMailboxStore`: what they held is gone.
 */
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Link } from "../../daemon/nats/connect.ts";
import { type JetStreamMailboxOptions, JetStreamMailboxStore } from "../../daemon/nats/mailbox/store.ts";
import { ensureMailboxStreams } from "../../daemon/nats/mailbox/streams.ts";
import { mailStream } from "../../daemon/nats/mailbox/subjects.ts";
import { purge } from "./purge.ts";

export const mailboxStore = (
  link: Link,
  over: Partial<JetStreamMailboxOptions> = {},
): JetStreamMailboxStore =>
  new JetStreamMailboxStore({
    link,
    clock: systemClock,
    chance: Math.random,
    log: silent,
    shards: 1,
    ...over,
  });

/** More than any test has. */
const shardsMax = 3;

export async function emptyMailboxStore(
  link: Link,
  over: Partial<JetStreamMailboxOptions> = {},
): Promise<JetStreamMailboxStore> {
  for (let shard = 0; shard < shardsMax; shard++) await purge(link, mailStream(shard));
  await ensureMailboxStreams(link, over.shards ?? 1, { replicas: 1, bytes: 0 });
  return mailboxStore(link, over);
}
