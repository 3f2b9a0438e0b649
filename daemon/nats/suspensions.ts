/**
 * What an operator has suspended while mail flows: the delivery of a policy, like `spec.paused`, or of one site that a policy
 * sends to. Said here and now, and kept apart from the resource, which is its author's.
 *
 * A record each beside the leases, `own.<namespace>.suspended.<policy>` and `….<policy>.<site>`, without an end: it outlives
 * every process. A site is named without the digest of how it is reached (`SiteLabel`), so that it stays suspended when DANE or
 * a change of the policy's TLS makes another site of the same hosts.
 * Fails: `openSuspensions`, `suspend` and `resume` throw `StoreFault`; who follows keeps what was known while NATS is away.
 */
import { headers } from "@nats-io/transport-node";
import type { SiteLabel } from "../deliver/route/types.ts";
import type { Log } from "../kit/log.ts";
import type { PolicyName } from "../queue/job.ts";
import { policyTokens } from "./codec.ts";
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";
import { lastOnSubject } from "./read.ts";
import { OWN_STREAM } from "./streams.ts";
import { Tail } from "./tail.ts";

/** Without a site: everything that the policy sends. */
export interface Suspended {
  readonly policy: PolicyName;
  readonly site?: SiteLabel;
}

export interface Suspension extends Suspended {
  /** ms since the epoch */
  readonly since: number;
  readonly reason: string;
}

export interface Suspensions extends AsyncDisposable {
  of(policy: PolicyName, site?: SiteLabel): Suspension | undefined;
  /** Every site that is. */
  sites(): readonly (Suspension & { readonly site: SiteLabel })[];
}

function subjectOf({ policy, site }: Suspended): string {
  const [namespace = "", name = ""] = policyTokens(policy).split(".");
  const subject = `own.${namespace}.suspended.`;
  if (site === undefined) return subject + name;
  // Leases have m or p in that place, and are forgotten by it; no policy's name begins with "_".
  const apart = name === "m" || name === "p" ? `_${name}` : name;
  return `${subject}${apart}.${Buffer.from(site).toString("base64url")}`;
}

/**
 * Those in force, by policy and site: asked for each job that comes due, hundreds of thousands at once, so that asking makes no
 * string. A record counts only on its own subject: whoever may write for one namespace suspends nothing of another.
 */
export class SuspensionBook {
  readonly #known = new Map<string, Suspension>();
  readonly #policies = new Map<PolicyName, Map<SiteLabel | undefined, Suspension>>();

  /** `undefined`: what the subject names goes on. */
  hear(subject: string, suspension: Suspension | undefined): void {
    const before = this.#known.get(subject);
    if (before) this.#forget(subject, before);
    if (suspension === undefined || subjectOf(suspension) !== subject) return;
    const { policy, site } = suspension;
    this.#known.set(subject, suspension);
    const sites = this.#policies.get(policy) ?? new Map<SiteLabel | undefined, Suspension>();
    this.#policies.set(policy, sites.set(site, suspension));
  }

  #forget(subject: string, { policy, site }: Suspension): void {
    this.#known.delete(subject);
    const sites = this.#policies.get(policy);
    sites?.delete(site);
    if (sites?.size === 0) this.#policies.delete(policy);
  }

  of(policy: PolicyName, site?: SiteLabel): Suspension | undefined {
    return this.#policies.get(policy)?.get(site);
  }

  all(): Iterable<Suspension> {
    return this.#known.values();
  }
}

/** Follows them, those of one namespace or all; resolves when those that are in force are known. */
export async function openSuspensions(link: Link, log: Log, namespace?: string): Promise<Suspensions> {
  const book = new SuspensionBook();
  const tail = new Tail(link, {
    stream: OWN_STREAM,
    filters: [`own.${link.confined ?? namespace ?? "*"}.suspended.>`],
    onMessage: ({ subject, data, forged }) => {
      if (forged) return;
      const text = Buffer.from(data).toString("utf8");
      book.hear(subject, text === "" ? undefined : (JSON.parse(text) as Suspension));
    },
    log,
  });
  await tail.start();
  await tail.caughtUp;
  return {
    of: (policy, site) => book.of(policy, site),
    sites: () =>
      [...book.all()].flatMap(({ site, ...rest }) => (site === undefined ? [] : [{ ...rest, site }])),
    [Symbol.asyncDispose]: () => tail[Symbol.asyncDispose](),
  };
}

/** As the store's leader knows it now. */
export async function isSuspended(link: Link, policy: PolicyName): Promise<boolean> {
  const record = await lastOnSubject(link, OWN_STREAM, subjectOf({ policy }));
  return record !== undefined && record.data.length > 0;
}

export const suspend = (link: Link, suspension: Suspension): Promise<void> =>
  write(link, suspension, JSON.stringify(suspension));

/** Longer than anybody is cut off who follows: who misses it keeps mail back that may go. */
const RESUMED_TTL = "86400s";

/** The empty record tells who follows; it goes by itself. */
export const resume = (link: Link, what: Suspended): Promise<void> => write(link, what, "");

async function write(link: Link, what: Suspended, record: string): Promise<void> {
  const head = headers();
  if (record === "") head.set("Nats-TTL", RESUMED_TTL);
  let answer: { readonly error?: ApiError };
  try {
    answer = (await link.nc.request(subjectOf(what), record, { headers: head, timeout: 10_000 })).json();
  } catch (error) {
    throw new StoreFault("away", `no answer about ${what.site ?? what.policy}`, error);
  }
  if (answer.error) throw faultOf(answer.error);
}
