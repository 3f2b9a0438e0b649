/**
 * How many connections a client may have: by the policy that it is held to, as its messages are. A client of a policy's
 * `acceptFrom` has that policy's limits, anybody else those of the policy named `default`.
 */
import { type Ranks, ranksOf, standingOf } from "../accept/standing.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import type { ConnectionLimits } from "../net/caps.ts";

/** Asked per connection; worked out once per change of the directory. */
export function clientLimits(live: Pick<LiveDirectory, "current">): (address: string) => ConnectionLimits {
  let ranks: Ranks | undefined;
  return (address) => {
    const directory = live.current();
    if (ranks?.directory !== directory) ranks = ranksOf(directory);
    const { connections, connectionsPerClient } = standingOf(ranks, address, undefined).limits;
    return { connections, perClient: connectionsPerClient };
  };
}
