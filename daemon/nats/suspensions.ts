/**
 * Policies whose delivery an operator has suspended while mail flows: like `spec.paused`, but said here and now, and kept
 * apart from the resource, which is its author's.
 *
 * A record each beside the leases, `own.<namespace>.suspended.<policy>`, without an end: it outlives every process.
 * Fails: `openSuspensions`, `suspend` and `resume` throw `StoreFault`; who follows keeps what was known while NATS is away.
 */
import { headers } from "@nats-io/transport-node";
import type { Log } from "../kit/log.ts";
import type { PolicyName } from "../queue/job.ts";
import { policyTokens } from "./codec.ts";
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";
import { lastOnSubject } from "./read.ts";
import { OWN_STREAM } from "./streams.ts";
import { Tail } from "./tail.ts";

export interface Suspension {
  readonly policy: PolicyName;
  /** ms since the epoch */
  readonly since: number;
  readonly reason: string;
}

export interface Suspensions extends AsyncDisposable {
  of(policy: PolicyName): Suspension | undefined;
}

const subjectOf = (policy: PolicyName): string => {
  const [namespace = "", name = ""] = policyTokens(policy).split(".");
  return `own.${namespace}.suspended.${name}`;
};

/** Follows them; resolves when those that are in force are known. */
export async function openSuspensions(link: Link, log: Log): Promise<Suspensions> {
  const known = new Map<string, Suspension>();
  const tail = new Tail(link, {
    stream: OWN_STREAM,
    filters: [`own.${link.confined ?? "*"}.suspended.*`],
    onMessage: ({ subject, data, forged }) => {
      if (forged) return;
      if (data.length === 0) known.delete(subject);
      else known.set(subject, JSON.parse(Buffer.from(data).toString("utf8")) as Suspension);
    },
    log,
  });
  await tail.start();
  await tail.caughtUp;
  return {
    of: (policy) => known.get(subjectOf(policy)),
    [Symbol.asyncDispose]: () => tail[Symbol.asyncDispose](),
  };
}

/** As the store's leader knows it now. */
export async function isSuspended(link: Link, policy: PolicyName): Promise<boolean> {
  const record = await lastOnSubject(link, OWN_STREAM, subjectOf(policy));
  return record !== undefined && record.data.length > 0;
}

export const suspend = (link: Link, suspension: Suspension): Promise<void> =>
  write(link, suspension.policy, JSON.stringify(suspension));

/** The empty record tells who follows; it goes by itself. */
export const resume = (link: Link, policy: PolicyName): Promise<void> => write(link, policy, "");

async function write(link: Link, policy: PolicyName, record: string): Promise<void> {
  const head = headers();
  if (record === "") head.set("Nats-TTL", "60s");
  let answer: { readonly error?: ApiError };
  try {
    answer = (await link.nc.request(subjectOf(policy), record, { headers: head, timeout: 10_000 })).json();
  } catch (error) {
    throw new StoreFault("away", `no answer about ${policy}`, error);
  }
  if (answer.error) throw faultOf(answer.error);
}
