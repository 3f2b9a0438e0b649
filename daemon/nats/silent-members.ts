/**
 * Members of a pool that are gone without our hearing of it. Whoever is cut off for longer than the server's mark of a record's
 * end lives, a minute, misses it; the share of such a member would be left to nobody for ever.
 *
 * In:     what is known of the pool. Live members renew their records every few seconds, so that silence is noticed.
 * Out:    those who are gone are forgotten. A member is taken for gone only when a quorum says so: its record is asked for
 *         by a write that succeeds where there is none (`absence.ts`). True: one has a record, and it is we who hear nothing.
 * Fails:  never: whoever cannot be asked after now is asked after again.
 */
import { mustBeAbsent, RecordThere } from "./absence.ts";
import type { LeaseDeps } from "./lease.ts";
import type { Roll } from "./roll.ts";

/** Renewals that may be late. */
const LATE = 2;

export async function forgetSilent(
  roll: Roll,
  me: string,
  { clock, commit, log, pool, times }: Pick<LeaseDeps, "clock" | "commit" | "log" | "pool" | "times">,
): Promise<boolean> {
  let isDeaf = false;
  const since = clock.monotonic() - times.ttlMs - LATE * times.renewMs;
  for (const member of roll.silentSince(since)) {
    if (member === me) continue;
    try {
      await mustBeAbsent(commit, `own.${pool}.m.${member}`);
      log.info({ member, pool }, "a member that was not heard of is gone");
      roll.gone(member);
    } catch (error) {
      log.debug({ err: error, member }, "a member that is not heard of may live");
      isDeaf ||= error instanceof RecordThere;
    }
  }
  return isDeaf;
}
