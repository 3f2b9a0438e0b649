/**
 * Jobs as the stream holds them, page by page: what may be asked where no owner can be.
 *
 * A page goes on behind the last record of the one before, in the order of the stream. So a job that changes meanwhile comes
 * once more, at the end, and none is passed over.
 *
 * Out:    jobs without the octets of their bodies; `after`: where to go on; absent when everything was read.
 * Fails:  `StoreFault`.
 * Memory: `limit` jobs without their octets.
 */
import type { Log } from "../kit/log.ts";
import type { JobClass, JobKey, MessageId, PolicyName, Queued } from "../queue/job.ts";
import { decodeJob, policyTokens } from "./codec.ts";
import type { Link } from "./connect.ts";
import { queueStream } from "./layout.ts";
import { readPage } from "./stream-page.ts";
import type { TailMessage } from "./tail.ts";

/** What the subject tells. */
export interface RecordsOf {
  readonly class?: JobClass;
  readonly policy?: PolicyName;
  readonly message?: MessageId;
}

export interface ReadRecords {
  readonly link: Link;
  readonly shards: number;
  /** The only namespace that is looked at. */
  readonly namespace: string | undefined;
  readonly log: Log;
}

export interface RecordPaging {
  readonly fits: (queued: Queued) => boolean;
  readonly after: string | undefined;
  readonly limit: number;
}

export interface RecordPage {
  readonly found: readonly Omit<Queued, "inline">[];
  readonly after?: string;
}

/** Records that are read for one page, whether they fit or not, for each that may be on it. */
const READ_FOR_EACH = 20;

export async function readRecords(
  means: ReadRecords,
  of: RecordsOf,
  { fits, after, limit }: RecordPaging,
): Promise<RecordPage> {
  const found = new Map<JobKey, Omit<Queued, "inline">>();
  let place = placeOf(after);
  for (let read = 0; place.shard < means.shards; place = { shard: place.shard + 1, sequence: 0 }) {
    const take = ({ subject, sequence, data, forged }: TailMessage) => {
      const queued = forged ? undefined : decodeJob(subject, sequence, data);
      if (queued && fits(queued)) found.set(queued.key, withoutOctets(queued));
      return found.size < limit && ++read < limit * READ_FOR_EACH;
    };
    const { link, namespace, log } = means;
    const filter = subjectsOf(place.shard, of, namespace);
    const stream = queueStream(place.shard);
    const next = await readPage(link, { stream, filter, after: place.sequence, take, log });
    if (next !== undefined) return { found: [...found.values()], after: `${place.shard}.${next}` };
  }
  return { found: [...found.values()] };
}

/** A page of small messages would hold all their text, which nobody asked for. */
function withoutOctets({ inline: _, ...queued }: Queued): Omit<Queued, "inline"> {
  return queued;
}

interface PlaceInStream {
  readonly shard: number;
  readonly sequence: number;
}

function placeOf(after: string | undefined): PlaceInStream {
  const match = /^(\d{1,4})\.(\d{1,15})$/.exec(after ?? "0.0");
  return { shard: Number(match?.[1] ?? 0), sequence: Number(match?.[2] ?? 0) };
}

function subjectsOf(
  shard: number,
  { class: cls, policy, message }: RecordsOf,
  namespace: string | undefined,
) {
  const whose = policy === undefined ? `${namespace ?? "*"}.*` : policyTokens(policy);
  return `q${shard}.${cls ?? "*"}.${whose}.*.${message ?? "*"}.*`;
}
