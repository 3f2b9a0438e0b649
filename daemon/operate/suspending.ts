/**
 * An operator's order to suspend: what it may add to the records in force, which lie beside everybody's leases without an end.
 *
 * In:     the suspensions in force, as they are followed here.
 * Fails:  `CommandError` when the namespace has as many sites suspended as it may; `StoreFault`.
 * Limits: only sites are counted. There is one record for each RelayPolicy at most, and stopping a whole policy is what
 *         somebody who sees no other way does. Orders of the same moment may exceed the limit by their number.
 */
import type { Link } from "../nats/connect.ts";
import { type Suspended, type Suspensions, suspend } from "../nats/suspensions.ts";
import { CommandError } from "./command-error.ts";

/** As many as a list of sites shows, so that all of them can be seen. */
export const suspendedMost = 200;

export interface SuspendingMeans {
  readonly link: Link;
  readonly suspensions: Pick<Suspensions, "of" | "sites">;
  readonly now: () => number;
}

export async function suspendNow(
  { link, suspensions, now }: SuspendingMeans,
  what: Suspended,
  reason: string,
): Promise<void> {
  const { policy, site } = what;
  const namespace = policy.slice(0, policy.indexOf("/"));
  if (site !== undefined && suspensions.of(policy, site) === undefined) {
    const own = suspensions.sites().filter((one) => one.policy.startsWith(`${namespace}/`));
    if (own.length >= suspendedMost) throw new CommandError(crowded(namespace, own.length));
  }
  await suspend(link, { ...what, since: now(), reason });
}

const crowded = (namespace: string, count: number): string =>
  `Namespace ${namespace} has ${count} sites suspended, and may have ${suspendedMost}: resume those that may go on ` +
  "(postfleet queue sites lists them first), or suspend the policy as a whole, which is not counted.";
