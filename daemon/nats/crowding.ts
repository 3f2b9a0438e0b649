/**
 * How much of the leases' stream one namespace may take: each RelayPolicy with relays of its own has a record a partition there,
 * and whoever may make such policies could fill it, so that nobody else's daemon could begin.
 *
 * In:     the pool that is to begin. One that has records already takes no more, and daemons of every namespace have one pool.
 * Fails:  `NamespaceCrowded` when its namespace's other records leave no room for it; `StoreFault`.
 * Limits: several that begin in the same moment may exceed it by what they take.
 */
import { nuid } from "@nats-io/transport-node";
import type { Pool } from "../queue/queue.ts";
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";
import { poolName } from "./rivals.ts";
import { OWN_STREAM } from "./streams.ts";

/** Of 256 policies with 64 partitions each: less than a sixth of the stream. */
export const NAMESPACE_RECORDS = 16_384;

export class NamespaceCrowded extends Error {
  override readonly name = "NamespaceCrowded";
  constructor(namespace: string, records: number, most: number) {
    super(
      `the leases of namespace ${namespace} have ${records} records already, of ${most} that it may have: ` +
        "its RelayPolicies have too many relays of their own; remove those that are not needed",
    );
  }
}

/** `most` is for all of the namespace's pools. */
export async function refuseCrowd(
  link: Link,
  pool: Pool,
  partitions: number,
  most = NAMESPACE_RECORDS,
): Promise<void> {
  if (pool.policy === undefined && pool.namespace === undefined) return;
  const name = poolName(pool);
  const [namespace = ""] = name.split(".");
  const all = await recordsUnder(link, `own.${namespace}.>`);
  // What is suspended has a limit of its own (`operate/suspending.ts`).
  const apart = await Promise.all(
    [`own.${name}.>`, `own.${namespace}.suspended.>`].map((filter) => recordsUnder(link, filter)),
  );
  const others = apart.reduce((left, records) => left - records, all);
  if (others + partitions > most) throw new NamespaceCrowded(namespace, others, most);
}

/** By what a consumer would have to read; it reads nothing, and is forgotten at once. */
async function recordsUnder({ nc }: Link, filter: string): Promise<number> {
  const name = nuid.next();
  const config = {
    name,
    filter_subject: filter,
    deliver_policy: "all",
    ack_policy: "none",
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: 1e9,
  };
  const question = JSON.stringify({ stream_name: OWN_STREAM, config, action: "create" });
  const api = `$JS.API.CONSUMER.CREATE.${OWN_STREAM}.${name}.${filter}`;
  const answer = await nc.request(api, question, { timeout: 5_000 }).catch((cause: unknown) => {
    throw new StoreFault("away", "the leases are not counted just now", cause);
  });
  const { error, num_pending } = answer.json<{ readonly error?: ApiError; readonly num_pending?: number }>();
  if (error) throw faultOf(error);
  return num_pending ?? 0;
}
