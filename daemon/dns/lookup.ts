/**
 * One whole look-up: asks for a name, then for where its aliases lead when a reply stops half-way, and says how long
 * the result may be kept.
 *
 * Out:    what is known, for how long, and which server told it.
 * Fails:  trouble of the DNS is a `failed` result; rejects only with the signal's reason.
 * Spec:   RFC 1034 §3.6.2, RFC 2308 §5 (negative answers), RFC 9520 §3.2 (failures are kept too, briefly).
 */
import { isLoopback } from "../kit/cidr.ts";
import { type Data, maxAliases, read } from "./answer.ts";
import { ask, type Means } from "./exchange.ts";
import { isQueryable } from "./names.ts";
import type { Server } from "./servers.ts";
import type { QueryType } from "./wire.ts";

export type Kept<T> =
  | { readonly kind: "found"; readonly records: readonly T[]; readonly authentic: boolean }
  | { readonly kind: "none" | "nxdomain" }
  | { readonly kind: "failed"; readonly text: string };

export interface LookedUp<T> {
  readonly kept: Kept<T>;
  readonly keepMs: number;
  readonly server?: Server;
}

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
export const longest = 24 * HOUR;
/** The floor spares the servers when records say 0; the cap on negative answers is the one RFC 2308 §5 finds sensible. */
const bounds = { floor: 5 * SECOND, ceiling: longest, negativeCeiling: HOUR, failure: 5 * SECOND } as const;

export async function lookUp<T extends QueryType>(
  start: string,
  type: T,
  means: Means,
  signal: AbortSignal,
): Promise<LookedUp<Data[T]>> {
  let name = start;
  let ttl = Number.POSITIVE_INFINITY;
  let authentic = true;
  for (let aliases = 0; aliases <= maxAliases; aliases++) {
    const asked = await ask({ name, type }, means, signal);
    if (asked.kind === "failed") return failed(asked.text);
    const { reply, server } = asked;
    // Whoever stands between us and another machine's resolver can set that bit too. RFC 6840 §5.8, RFC 7672 §2.2
    authentic &&= reply.authentic && isLoopback(server.address);
    const reading = read(reply, name, type);
    if (reading.kind === "loop") break;
    ttl = Math.min(ttl, reading.ttl ?? 0);
    if (reading.kind === "found")
      return kept({ kind: "found", records: reading.records, authentic }, ttl, server);
    if (reading.kind !== "alias") return kept({ kind: reading.kind }, ttl, server);
    if (!isQueryable(reading.name)) return kept({ kind: "nxdomain" }, ttl, server);
    name = reading.name;
  }
  return failed(`the aliases of ${start} lead in a circle`);
}

export const failed = (text: string): LookedUp<never> => ({
  kept: { kind: "failed", text },
  keepMs: bounds.failure,
});

function kept<T>(what: Kept<T>, ttl: number, server: Server): LookedUp<T> {
  const ceiling = what.kind === "found" ? bounds.ceiling : bounds.negativeCeiling;
  return { kept: what, keepMs: Math.min(Math.max(ttl * SECOND, bounds.floor), ceiling), server };
}
