/**
 * What a stream says of itself.
 *
 * By its leader, or, while nobody leads it, by any copy: what must not be less than somebody knows is compared (`holdings.ts`).
 * Fails:  `StoreFault`: `away` when nobody answers, else what the server said.
 */
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";

interface StreamInfo {
  readonly error?: ApiError;
  /** Subjects under the filter that was named. */
  readonly total?: number;
  readonly state?: {
    readonly last_seq?: number;
    readonly last_ts?: string;
    readonly subjects?: Readonly<Record<string, number>>;
  };
}

export interface StreamQuestion {
  /** Subjects to be listed, from one of them on. */
  readonly subjects_filter: string;
  readonly offset: number;
}

export async function streamInfo(
  { nc }: Pick<Link, "nc">,
  stream: string,
  timeout: number,
  question?: StreamQuestion,
): Promise<StreamInfo> {
  const text = question === undefined ? "" : JSON.stringify(question);
  let info: StreamInfo;
  try {
    info = (await nc.request(`$JS.API.STREAM.INFO.${stream}`, text, { timeout })).json<StreamInfo>();
  } catch (error) {
    throw new StoreFault("away", `no answer about ${stream}`, error);
  }
  if (info.error) throw faultOf(info.error);
  return info;
}
