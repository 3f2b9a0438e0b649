/**
 * Whether a stream goes on from what was heard of it, or was brought back from a copy meanwhile (restored, or its volume
 * was): then what was heard after the copy is not so, and sequences name other messages.
 *
 * A stream that goes on has only later sequences behind the last message that was heard. One that was brought back ends
 * before it, or has messages at sequences up to it that were stored later than it.
 *
 * Fails: `StoreFault` while the stream cannot be asked.
 */
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";
import { firstSince } from "./mailbox/pages.ts";

/** The last message that was heard. */
export interface Heard {
  readonly sequence: number;
  /** When it was stored, ms since the epoch; 0: not known. */
  readonly time: number;
}

export type History = { readonly kind: "goes on" } | { readonly kind: "another"; readonly last: Heard };

/** Servers' clocks differ, and the stream's leader may change. */
const CLOCKS_MS = 2_000;
/** A server that leads only now may not know all yet that the one before it had told. */
const PAUSE_MS = 1_000;

export async function historyOf(link: Link, stream: string, heard: Heard): Promise<History> {
  if (!(await isOther(link, stream, heard))) return { kind: "goes on" };
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  if (!(await isOther(link, stream, heard))) return { kind: "goes on" };
  return { kind: "another", last: await lastOf(link, stream) };
}

async function isOther(link: Link, stream: string, { sequence, time }: Heard): Promise<boolean> {
  if ((await lastOf(link, stream)).sequence < sequence) return true;
  if (time === 0 || sequence === 0) return false;
  const later = await firstSince(link, stream, time + CLOCKS_MS);
  return later !== undefined && later <= sequence;
}

/** The stream's last message, by its leader. */
export async function lastOf(link: Pick<Link, "nc">, stream: string): Promise<Heard> {
  interface Info {
    readonly error?: ApiError;
    readonly state?: { readonly last_seq: number; readonly last_ts: string };
  }
  let info: Info;
  try {
    info = (await link.nc.request(`$JS.API.STREAM.INFO.${stream}`, "", { timeout: 5_000 })).json<Info>();
  } catch (error) {
    throw new StoreFault("away", "no answer from JetStream", error);
  }
  if (info.error) throw faultOf(info.error);
  const { last_seq: sequence = 0, last_ts: at = "" } = info.state ?? {};
  return { sequence, time: Math.max(0, Date.parse(at) || 0) };
}
