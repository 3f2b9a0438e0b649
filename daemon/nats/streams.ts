/**
 * The streams of the queue and how they are made. Creating is idempotent; what may change later (size, replicas) is
 * updated, everything else is left as it was found.
 *
 * `Q<i>` job records · `B<i>` bodies · `OWN` members and owners of partitions · `EVENTS` message events.
 */
import { JetStreamApiError, type JetStreamManager, type StreamConfig } from "@nats-io/jetstream";
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";
import { insist, managerOf } from "./insist.ts";
import { bodyStream, findLayout, type Layout, LEASE_STREAM, layoutMetadata, queueStream } from "./layout.ts";

export interface StreamSizes {
  /** 1 on a laptop, 3 in a cluster; 0: as it is found, 1 when it is made. */
  readonly replicas: number;
  /** Octets; 0: as it is found, as much as the server gives when it is made. */
  readonly queueBytes: number;
  readonly bodyBytes: number;
  readonly eventBytes: number;
  /** How long events are kept, ms; absent: as it is found, two weeks when it is made. */
  readonly eventAgeMs?: number | undefined;
  readonly ownerBytes?: number;
}

export const OWN_STREAM = LEASE_STREAM;
export const EVENT_STREAM = "EVENTS";

const MS_NS = 1e6;
const USUAL_EVENT_AGE_MS = 14 * 86_400_000;

/** The fields that every stream of ours shares: one record a subject, refuse when full, batches and TTLs. */
export const base = (sizes: Pick<StreamSizes, "replicas">) => ({
  storage: "file",
  retention: "limits",
  discard: "new",
  num_replicas: sizes.replicas,
  max_msgs_per_subject: 1,
  allow_atomic: true,
  allow_msg_ttl: true,
  allow_direct: true,
});

/** Rejects when the server (or the account) has none: all that follows would fail, each with other words. */
export async function requireJetStream(link: Link): Promise<void> {
  await managerOf(link); // asks for the account
}

/** Makes what is missing and returns the layout in force: the one that was found, or else the one that is given. */
export async function ensureQueueStreams(link: Link, wanted: Layout, sizes: StreamSizes): Promise<Layout> {
  const jsm = await managerOf(link);
  const layout = (await insist(() => findLayout(link))) ?? wanted;
  const { shards } = layout;
  for (let i = 0; i < shards; i++) {
    await ensure(jsm, {
      ...base(sizes),
      name: queueStream(i),
      subjects: [`q${i}.>`],
      max_bytes: sizes.queueBytes || -1,
      metadata: layoutMetadata(layout),
    });
    await ensure(jsm, {
      ...base(sizes),
      name: bodyStream(i),
      subjects: [`b${i}.>`],
      max_bytes: sizes.bodyBytes || -1,
    });
  }
  await ensure(jsm, {
    ...base(sizes),
    name: OWN_STREAM,
    subjects: ["own.>"],
    max_bytes: sizes.ownerBytes || 64 << 20,
    subject_delete_marker_ttl: 60e9,
  });
  const events = {
    ...base(sizes),
    name: EVENT_STREAM,
    subjects: ["events.>"],
    max_msgs_per_subject: -1,
    discard: "old",
    max_age: (sizes.eventAgeMs ?? USUAL_EVENT_AGE_MS) * MS_NS,
    max_bytes: sizes.eventBytes || 256 << 20,
  };
  const max_age = sizes.eventAgeMs === undefined ? undefined : events.max_age;
  await ensure(jsm, events, { max_age, max_bytes: sizes.eventBytes });
  return layout;
}

export type Wanted = Record<string, unknown> & {
  readonly name: string;
  readonly max_bytes: number;
  readonly num_replicas: number;
};

/** Makes the stream, or brings its size and replicas up to date: those that somebody asked for; `asked` says otherwise than what it is made with. */
export const ensure = (jsm: JetStreamManager, wanted: Wanted, asked: Asked = {}): Promise<void> =>
  insist(() => ensureOnce(jsm, wanted, asked));

interface Asked {
  readonly max_age?: number | undefined;
  readonly max_bytes?: number;
}

async function ensureOnce(jsm: JetStreamManager, wanted: Wanted, asked: Asked): Promise<void> {
  const found = await jsm.streams.info(wanted.name).catch((error: unknown) => {
    // Silence, or no right to look, says nothing of whether it is there.
    if (error instanceof JetStreamApiError && error.code === NO_STREAM) return undefined;
    throw error;
  });
  if (found === undefined) {
    // Two processes may create it at once; the same configuration is no error.
    const made = { ...wanted, num_replicas: wanted.num_replicas || 1 };
    await jsm.streams.add(made as unknown as StreamConfig & { name: string });
    return;
  }
  const { max_bytes, num_replicas } = found.config;
  const bytes = asked.max_bytes ?? wanted.max_bytes;
  const change = {
    ...found.config,
    max_bytes: bytes > 0 ? bytes : max_bytes,
    num_replicas: wanted.num_replicas || num_replicas,
    max_age: asked.max_age ?? found.config.max_age,
  };
  const same = max_bytes === change.max_bytes && num_replicas === change.num_replicas;
  if (same && change.max_age === found.config.max_age) return;
  await jsm.streams.update(wanted.name, change).catch((error: unknown) => {
    // A store that has become smaller than what its streams set aside takes no change at all, not even to smaller
    // bounds. The old ones stay; the server's own limit holds, and admission watches the store as a whole.
    const tooSmall = (error as { code?: unknown }).code === NO_STORAGE;
    if (!tooSmall || num_replicas !== change.num_replicas) throw error;
  });
}

/**
 * Forgets who owned which partition. Only for a store that this process has for itself: the owners of an earlier life
 * are dead, and their leases need not be waited for.
 */
export async function forgetOwners(link: Link): Promise<void> {
  for (const filter of LEASES) await forget(link, filter);
}

/** Members and partitions (`ownership.ts`); what else lies there, such as what is suspended, is meant to stay. */
const LEASES = ["own.*.*.m.>", "own.*.*.p.>"] as const;

async function forget(link: Link, filter: string): Promise<void> {
  const api = `$JS.API.STREAM.PURGE.${OWN_STREAM}`;
  const answer = await link.nc.request(api, JSON.stringify({ filter }), { timeout: 10_000 });
  const { error } = answer.json<{ error?: { err_code?: number; description?: string } }>();
  if (error && error.err_code !== NO_STREAM) throw new StoreFault("refused", `purge: ${error.description}`);
}

const NO_STREAM = 10059;
const NO_STORAGE = 10047;

/** Removes every message of these subjects. Throws `StoreFault`. */
export async function purgeSubjects(link: Pick<Link, "nc">, stream: string, filter: string): Promise<void> {
  const api = `$JS.API.STREAM.PURGE.${stream}`;
  let answer: { readonly error?: ApiError };
  try {
    answer = (await link.nc.request(api, JSON.stringify({ filter }), { timeout: 10_000 })).json();
  } catch (error) {
    throw new StoreFault("away", "no answer to a purge", error);
  }
  if (answer.error) throw faultOf(answer.error);
}
