/**
 * COPY and MOVE, by number and by UID.
 *
 * Spec:   RFC 9051 §6.4.7, §6.4.8; RFC 4315 §3 (COPYUID). All messages or, beyond what the store does as one unit, the
 *         units before the first that failed.
 */
import type { Copied } from "../../mailbox/view.ts";
import { ok, refuse } from "../answer.ts";
import type { Request } from "../command/reader.ts";
import { sequenceSet } from "../command/sequence-set.ts";
import { type Command, type Commands, folderOf, speaksUtf8, type Talk } from "../talk.ts";
import { ranges } from "../wire/encode.ts";

function argumentsOf(talk: Talk, { args, name }: Request) {
  args.space();
  const set = sequenceSet(args);
  args.space();
  const target = args.mailbox(speaksUtf8(talk));
  args.end();
  const folder = folderOf(talk);
  const uids = folder.resolve(set, name.startsWith("UID ")).map((index) => folder.at(index).uid);
  return { folder, uids, target };
}

const copyUid = ({ uidValidity, from, to }: Copied): string | undefined =>
  from.length === 0 ? undefined : `COPYUID ${uidValidity} ${ranges(from)} ${ranges(to)}`;

const copy: Command = {
  when: "selected",
  async run(talk, request) {
    const { folder, uids, target } = argumentsOf(talk, request);
    if (uids.length === 0) return ok(`${request.name} completed, nothing to copy`);
    const copied = await folder.view.copy(uids, target, talk.signal);
    return ok(`${request.name} completed`, copyUid(copied));
  },
};

/** COPYUID comes before the EXPUNGEs, so that the client can still tell which message is meant. RFC 6851 §4.3 */
const move: Command = {
  when: "selected",
  async run(talk, request) {
    const { folder, uids, target } = argumentsOf(talk, request);
    if (folder.readOnly) throw refuse("The mailbox is open for reading only", "READ-ONLY");
    if (uids.length === 0) return ok(`${request.name} completed, nothing to move`);
    const code = copyUid(await folder.view.move(uids, target, talk.signal));
    if (code !== undefined) talk.out.line(`* OK [${code}] Moved`);
    return ok(`${request.name} completed`);
  },
};

export const copying: Commands = { COPY: copy, "UID COPY": copy, MOVE: move, "UID MOVE": move };
