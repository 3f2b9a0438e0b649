/**
 * Owners who would work on the same jobs: those of one policy (`--policy`), those of a namespace (`--namespace`), and those
 * of everything cannot know of each other's leases. Two at once would send each message twice, so the later one is refused.
 *
 * In:     a pool; the stream of leases.
 * Fails:  `RivalOwners` when a rival is alive; `StoreFault` when the store does not say.
 */
import type { Log } from "../kit/log.ts";
import type { Pool } from "../queue/queue.ts";
import { policyTokens } from "./codec.ts";
import type { Link } from "./connect.ts";
import { snapshot } from "./snapshot.ts";
import { OWN_STREAM } from "./streams.ts";

export class RivalOwners extends Error {
  override readonly name = "RivalOwners";
  constructor({ policy, namespace }: Pool) {
    super(
      policy !== undefined
        ? "a process without --policy works on this policy's queue already: give it a --policy too, or stop it first"
        : namespace !== undefined
          ? "a process that serves every namespace works on this one's queue already: stop it first"
          : "processes with --policy or --namespace work on this queue already: give this one a --policy too, or a --namespace, or stop them first",
    );
  }
}

/** Neither a namespace nor a policy has such a name. */
const every = "_";

/** The pool as it is named in the subjects of its leases: `<namespace>.<class>-<policy>`, two tokens. */
export function poolName({ class: cls, policy, namespace = every }: Pool): string {
  const [ns, name] = policy === undefined ? [namespace, every] : policyTokens(policy).split(".");
  return `${ns}.${cls}-${name}`;
}

/** The pools whose owners work on some of this pool's jobs too, as subject filters. */
function rivalsOf(pool: Pool): string[] {
  const { class: cls, policy, namespace } = pool;
  if (policy === undefined && namespace === undefined) return ["*.*"];
  const everything = poolName({ class: cls });
  if (policy === undefined) return [everything, `${namespace}.*`];
  const [ns = ""] = policy.split("/");
  return [everything, poolName({ class: cls, namespace: ns })];
}

export async function refuseRivals(link: Link, pool: Pool, log: Log): Promise<void> {
  const own = poolName(pool);
  for (const rivals of rivalsOf(pool)) {
    for (const [subject, data] of await snapshot(link, OWN_STREAM, `own.${rivals}.m.*`, log)) {
      const [, namespace, name = ""] = subject.split(".");
      const isAlive = data.length > 0 && name.startsWith(`${pool.class}-`);
      if (isAlive && `${namespace}.${name}` !== own) throw new RivalOwners(pool);
    }
  }
}
