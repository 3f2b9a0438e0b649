/**
 * The mailbox store on a real nats-server.
 *
 * In:   a link. Out: `mailboxStore`, on streams that are there; `emptyMailboxStore`: what they held is gone.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Link } from "../../daemon/nats/connect.ts";
import { type JetStreamMailboxOptions, JetStreamMailboxStore } from "../../daemon/nats/mailbox/store.ts";
import { ensureMailboxStreams } from "../../daemon/nats/mailbox/streams.ts";
import { mailStream } from "../../daemon/nats/mailbox/subjects.ts";

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

/** The server's word for a stream that is not there. */
const NO_STREAM = 10059;
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

/** Not deleted: the server makes a stream anew before all of the one before has gone from its disk, and may fail at it. */
async function purge(link: Link, stream: string): Promise<void> {
  const answer = await link.nc.request(`$JS.API.STREAM.PURGE.${stream}`, "", { timeout: 5_000 });
  const { error } = answer.json<{ readonly error?: { readonly err_code: number } }>();
  assert.ok(error === undefined || error.err_code === NO_STREAM, JSON.stringify(error));
}
