/**
 * The layout of an installation: how many shards and partitions. Written once by the first daemon, into the metadata of
 * stream `Q0`; everybody after it obeys what is found, since the keys of queued jobs depend on it.
 *
 * A copy lies in the stream of leases, for those who may not look at a stream as a whole. It is written when every stream
 * is there: so it also says that the installation can be used.
 */
import type { Msg } from "@nats-io/transport-node";
import type { Link } from "./connect.ts";
import { StoreFault } from "./fault.ts";

export const queueStream = (shard: number) => `Q${shard}`;
export const LEASE_STREAM = "OWN";
/** Where the copy lies. */
export const LAYOUT_SUBJECT = "own._.layout";
/** In the metadata of `Q0` while an installation is brought back from a copy: until all of it is there, nobody uses it. */
export const RESTORING = "postfleet.restoring";
export const bodyStream = (shard: number) => `B${shard}`;

export interface Layout {
  readonly shards: number;
  readonly partitions: number;
}

interface StreamAnswer {
  readonly config?: { readonly metadata?: Readonly<Record<string, string>> };
}

export const layoutMetadata = (layout: Layout): Record<string, string> => ({
  "postfleet.shards": String(layout.shards),
  "postfleet.partitions": String(layout.partitions),
});

/** What stream `Q0` says; `undefined`: it says nothing. */
export function layoutIn(metadata: Readonly<Record<string, string>> | undefined): Layout | undefined {
  const shards = Number(metadata?.["postfleet.shards"]);
  const partitions = Number(metadata?.["postfleet.partitions"]);
  return shards > 0 && partitions > 0 ? { shards, partitions } : undefined;
}

/** What the installation was made with, or `undefined` when there is none yet. */
export function findLayout(link: Link): Promise<Layout | undefined> {
  return link.confined === undefined ? layoutOfStream(link) : layoutOfCopy(link);
}

/** Writes the copy, if it is not there. */
export async function tellLayout(link: Link, layout: Layout): Promise<void> {
  if (await layoutOfCopy(link)) return;
  await link.nc.request(LAYOUT_SUBJECT, JSON.stringify(layout), { timeout: 10_000 });
}

async function layoutOfCopy({ nc }: Link): Promise<Layout | undefined> {
  const api = `$JS.API.DIRECT.GET.${LEASE_STREAM}.${LAYOUT_SUBJECT}`;
  let answer: Msg;
  try {
    answer = await nc.request(api, "", { timeout: 5_000 });
  } catch (error) {
    throw new StoreFault("away", "this NATS holds no Postfleet installation yet, or does not answer", error);
  }
  return answer.data.length === 0 ? undefined : answer.json<Layout>();
}

async function layoutOfStream(link: Link): Promise<Layout | undefined> {
  let answer: StreamAnswer;
  try {
    answer = (await link.nc.request(`$JS.API.STREAM.INFO.${queueStream(0)}`, "", { timeout: 5_000 })).json();
  } catch (error) {
    throw new StoreFault("away", "no answer from JetStream: is it enabled there, for this account?", error);
  }
  const metadata = answer.config?.metadata;
  if (!metadata) return undefined;
  if (metadata[RESTORING] !== undefined)
    throw new StoreFault("refused", "a restoration is under way here, or was cut short: run it again");
  return layoutIn(metadata);
}

export async function readLayout(link: Link): Promise<Layout> {
  const layout = await findLayout(link);
  if (!layout) throw new StoreFault("refused", "this NATS holds no Postfleet installation yet");
  return layout;
}
