/**
 * Routing for tests: a zone in memory, resources in a few words, and us at `us.test`, 192.0.2.99.
 */
import { type Routable, route } from "../../daemon/deliver/route/route.ts";
import type { Routed } from "../../daemon/deliver/route/types.ts";
import { snapshot } from "../../daemon/directory/builder.ts";
import type { Declared } from "../../daemon/directory/declared.ts";
import type { Domain } from "../../daemon/mail/address.ts";
import type { PolicyName } from "../../daemon/queue/job.ts";
import type { Zone } from "./dns-zone.ts";
import { ScriptedDns } from "./scripted-dns.ts";

export const job = (destination: string, over: Partial<Routable> = {}): Routable => ({
  class: "relay",
  destination: destination as Domain,
  policy: "default/default" as PolicyName,
  ...over,
});

/** `failing`: names that have no answer now. */
export function router(zone: Zone, failing: readonly string[] = []) {
  const means = {
    dns: new ScriptedDns(zone, failing),
    port: 25,
    isOurName: (host: string) => host === "us.test",
    isOurAddress: (address: string) => address === "192.0.2.99",
  };
  return (given: Routable, declared: readonly Declared[] = []): Promise<Routed> =>
    route(given, snapshot(declared), means, AbortSignal.timeout(60_000));
}
