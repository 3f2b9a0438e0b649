/**
 * The layout of an installation: how many shards and partitions. Written once by the first daemon, into the metadata of
 * stream `Q0`; everybody after it obeys what is found, since the keys of queued jobs depend on it.
 */
import type { Link } from "./connect.ts";
import { StoreFault } from "./fault.ts";

export const queueStream = (shard: number) => `Q${shard}`;
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

/** What the installation was made with, or `undefined` when there is none yet. */
export async function findLayout(link: Link): Promise<Layout | undefined> {
  let answer: StreamAnswer;
  try {
    answer = (await link.nc.request(`$JS.API.STREAM.INFO.${queueStream(0)}`, "", { timeout: 5_000 })).json();
  } catch (error) {
    throw new StoreFault("away", "no answer from JetStream: is it enabled there, for this account?", error);
  }
  const metadata = answer.config?.metadata;
  if (!metadata) return undefined;
  return {
    shards: Number(metadata["postfleet.shards"]),
    partitions: Number(metadata["postfleet.partitions"]),
  };
}

export async function readLayout(link: Link): Promise<Layout> {
  const layout = await findLayout(link);
  if (!layout) throw new StoreFault("refused", "this NATS holds no Postfleet installation yet");
  return layout;
}
