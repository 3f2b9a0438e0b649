/**
 * Owners who would work on the same jobs: those of one policy (`--policy`), and those of every policy, cannot know of each
 * other's leases. Both at once would send each message twice, so the later one is refused.
 *
 * In:     a pool; the stream of leases.
 * Fails:  `RivalOwners` when a rival is alive; `StoreFault` when the store does not say.
 */
import type { Pool } from "../queue/queue.ts";
import { policyTokens } from "./codec.ts";
import type { Link } from "./connect.ts";
import { type ApiError, faultOf } from "./fault.ts";
import { lastOnSubject } from "./read.ts";
import { OWN_STREAM } from "./streams.ts";

export class RivalOwners extends Error {
  override readonly name = "RivalOwners";
  constructor(pool: Pool) {
    super(
      pool.policy === undefined
        ? "processes with --policy work on this queue already: give this one a --policy too, or stop them first"
        : "a process without --policy works on every policy's queue already: give it a --policy too, or stop it first",
    );
  }
}

/** The pool as it is named in the subjects of its leases: `<namespace>.<class>-<policy>`, two tokens. */
export function poolName({ class: cls, policy }: Pool): string {
  const [namespace, name] =
    policy === undefined ? [everyNamespace, everyPolicy] : policyTokens(policy).split(".");
  return `${namespace}.${cls}-${name}`;
}

/** Neither a namespace nor a policy has such a name. */
const everyNamespace = "_";
const everyPolicy = "_";

export async function refuseRivals({ nc }: Link, pool: Pool): Promise<void> {
  const filter = JSON.stringify({ subjects_filter: "own.*.*.m.*" });
  const answer = await nc.request(`$JS.API.STREAM.INFO.${OWN_STREAM}`, filter, { timeout: 10_000 });
  const { error, state } = answer.json<{ error?: ApiError; state?: { subjects?: Record<string, number> } }>();
  if (error) throw faultOf(error);
  const all = poolName({ class: pool.class });
  for (const subject of Object.keys(state?.subjects ?? {})) {
    const [, namespace, rest = ""] = subject.split(".");
    const name = `${namespace}.${rest}`;
    const isRival =
      pool.policy === undefined ? name !== all && rest.startsWith(`${pool.class}-`) : name === all;
    if (!isRival) continue;
    const record = await lastOnSubject(nc, OWN_STREAM, subject);
    if (record && record.data.length > 0) throw new RivalOwners(pool);
  }
}
