/**
 * Whether a stream goes on from what was heard of it, or was brought back from a copy meanwhile (restored, or its volume
 * was): then what was heard after the copy is not so, and sequences name other messages.
 *
 * A stream that goes on has only later sequences behind the last message that was heard. One that was brought back ends
 * before it, or has messages at sequences up to it that were stored later than it.
 *
 * Who is confined to a namespace may not ask about a stream as a whole; but a consumer of what it may read says where it would
 * begin, in the stream's own numbers. It may lie where a copy of the stream lags behind: then one history is taken for another,
 * by which some things are told twice.
 *
 * Fails: `StoreFault` while the stream cannot be asked.
 */
import { nuid } from "@nats-io/transport-node";
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";
import { firstSince } from "./mailbox/pages.ts";
import { streamInfo } from "./stream-info.ts";
import { namespaceShard } from "./users/permissions.ts";

/** The last message that was heard. */
export interface Heard {
  readonly sequence: number;
  /** When it was stored, ms since the epoch; 0: not known. */
  readonly time: number;
}

export type History =
  | { readonly kind: "goes on" }
  | {
      readonly kind: "another";
      readonly last: number;
      /** From here on it holds what was not heard; a little that was may be among it. */
      readonly next: number;
    };

/** Servers' clocks differ, and the stream's leader may change. */
const CLOCKS_MS = 2_000;
/** A server that leads only now may not know all yet that the one before it had told. */
const PAUSE_MS = 1_000;

export interface Asked {
  readonly link: Link;
  readonly stream: string;
  /** What of it is read. */
  readonly filter: string;
}

export async function historyOf(asked: Asked, heard: Heard): Promise<History> {
  if (!(await isOther(asked, heard))) return { kind: "goes on" };
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  if (!(await isOther(asked, heard))) return { kind: "goes on" };
  const last = (await endOf(asked)) - 1;
  const next = heard.time === 0 ? last + 1 : await firstAt(asked, heard.time - CLOCKS_MS);
  return { kind: "another", last, next: Math.min(next, last + 1) };
}

async function isOther(asked: Asked, { sequence, time }: Heard): Promise<boolean> {
  if ((await endOf(asked)) <= sequence) return true;
  if (time === 0 || sequence === 0) return false;
  return (await firstAt(asked, time + CLOCKS_MS)) <= sequence;
}

/** Behind the last message. */
async function endOf(asked: Asked): Promise<number> {
  const { link, stream } = asked;
  if (maySeeAll(asked)) return (await lastOf(link, stream)).sequence + 1;
  return startFor(asked, { deliver_policy: "new" });
}

/** The first message that was stored at this time or later; the end, when there is none. */
async function firstAt(asked: Asked, time: number): Promise<number> {
  const { link, stream } = asked;
  if (maySeeAll(asked)) return (await firstSince(link, stream, time)) ?? Number.MAX_SAFE_INTEGER;
  const opt_start_time = new Date(time).toISOString();
  return startFor(asked, { deliver_policy: "by_start_time", opt_start_time });
}

const maySeeAll = ({ link: { confined }, stream }: Asked): boolean =>
  confined === undefined || stream === `M${namespaceShard(confined)}`;

/** Where a consumer would begin. It ends by itself. */
async function startFor({ link: { nc }, stream, filter }: Asked, start: object): Promise<number> {
  interface Info {
    readonly error?: ApiError;
    readonly delivered?: { readonly stream_seq: number };
  }
  const name = nuid.next();
  const config = {
    name,
    ack_policy: "none",
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: 5e9,
    filter_subject: filter,
    ...start,
  };
  const question = JSON.stringify({ stream_name: stream, config, action: "create" });
  const api = `$JS.API.CONSUMER.CREATE.${stream}.${name}.${filter}`;
  let info: Info;
  try {
    info = (await nc.request(api, question, { timeout: 5_000 })).json<Info>();
  } catch (error) {
    throw new StoreFault("away", "no answer to creating a consumer", error);
  }
  if (info.error) throw faultOf(info.error);
  return (info.delivered?.stream_seq ?? 0) + 1;
}

/** The stream's last message, by its leader. */
export async function lastOf(link: Pick<Link, "nc">, stream: string): Promise<Heard> {
  const { last_seq: sequence = 0, last_ts: at = "" } = (await streamInfo(link, stream, 5_000)).state ?? {};
  return { sequence, time: Math.max(0, Date.parse(at) || 0) };
}
