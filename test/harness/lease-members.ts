/**
 * Processes as far as leases are concerned: each owns the partitions of a policy's pool with the others, on a link of its own.
 *
 * In:     a nats-server with the streams of a queue (`openLeases`).
 */
import { headers } from "@nats-io/transport-node";
import { type Clock, systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Link } from "../../daemon/nats/connect.ts";
import { JetStreamQueue } from "../../daemon/nats/queue.ts";
import { lastOnSubject } from "../../daemon/nats/read.ts";
import { ensureQueueStreams } from "../../daemon/nats/streams.ts";
import { Listener } from "../contract/queue.ts";
import { linkTo, startNats, type TestNats } from "./nats-server.ts";

export const PARTITIONS = 16;
export const times = { ttlMs: 2_000, renewMs: 300, fenceMs: 800 };
/** For tests in which no lease is to end by itself, however long a machine stands still. */
const lasting = { ttlMs: 300_000, renewMs: 300, fenceMs: 10_000 };

export async function openLeases(): Promise<TestNats> {
  const nats = await startNats();
  await using link = await linkTo(nats);
  const sizes = { replicas: 1, queueBytes: 0, bodyBytes: 0, eventBytes: 0 };
  await ensureQueueStreams(link, { shards: 1, partitions: PARTITIONS }, sizes);
  return nats;
}

/** A process of its own, as far as leases are concerned. */
export async function member(
  nats: TestNats,
  policy: string | undefined,
  {
    clock = systemClock,
    times: its = lasting,
  }: { readonly clock?: Clock; readonly times?: typeof times } = {},
) {
  const link = await linkTo(nats);
  const options = {
    link,
    clock,
    log: silent,
    shards: 1,
    partitions: PARTITIONS,
    bodyTtlSeconds: () => 60,
    times: its,
  };
  const queue = new JetStreamQueue(options);
  const heard = new Listener();
  const pool =
    policy === undefined ? { class: "relay" as const } : { class: "relay" as const, policy: policy as never };
  try {
    const owner = await queue.own(pool, heard, AbortSignal.timeout(300_000));
    return { link, queue, heard, owner };
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

export async function leave({ queue, link }: Awaited<ReturnType<typeof member>>): Promise<void> {
  await queue[Symbol.asyncDispose]();
  await link[Symbol.asyncDispose]();
}

/** The subjects of those that live. */
export async function leasesOf(link: Link, pool: string): Promise<string[]> {
  const filter = JSON.stringify({ subjects_filter: `own.${pool}.m.*` });
  const answer = await link.nc.request("$JS.API.STREAM.INFO.OWN", filter);
  const { state } = answer.json<{ state: { subjects?: Record<string, number> } }>();
  const live: string[] = [];
  for (const subject of Object.keys(state.subjects ?? {})) {
    const record = await lastOnSubject(link, "OWN", subject);
    if (record && record.data.length > 0) live.push(subject);
  }
  return live;
}

export function ttl(value: string) {
  const head = headers();
  head.set("Nats-TTL", value);
  return head;
}
