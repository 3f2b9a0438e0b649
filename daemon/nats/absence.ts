/**
 * Whether a record that could not be found is truly not there. A leader that is cut off from its followers does not know
 * it for a while, and answers reads from what it has: what the others have stored since is "not there".
 *
 * So it is asked for by a write that only succeeds where there is none, and only with a quorum; what it leaves goes by
 * itself a second later.
 *
 * Fails:  `StoreFault` (`away`) when there is a record after all (`RecordThere`), or when nobody can say.
 */
import type { GroupCommit } from "./commit.ts";
import { Conflict, StoreFault } from "./fault.ts";

export class RecordThere extends StoreFault {}

const NOTHING = new Uint8Array();

export async function mustBeAbsent(commit: Pick<GroupCommit, "commit">, subject: string): Promise<void> {
  try {
    await commit.commit([{ subject, data: NOTHING, ttl: "1s", expect: 0 }]);
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
    throw new RecordThere("away", "a record is there that could not be read just now", error);
  }
}
