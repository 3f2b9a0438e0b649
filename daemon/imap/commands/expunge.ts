/**
 * EXPUNGE, UID EXPUNGE, CLOSE and UNSELECT: how messages, and folders, are left behind.
 *
 * Spec:   RFC 9051 §6.4.1–§6.4.3, §6.4.9; RFC 4315 §2.1; RFC 7162 §3.2.7 (HIGHESTMODSEQ).
 */
import type { Uid } from "../../mailbox/store.ts";
import type { Message } from "../../mailbox/view.ts";
import { type Answer, ok, refuse } from "../answer.ts";
import { sequenceSet } from "../command/sequence-set.ts";
import type { Selected } from "../folder/selected.ts";
import { type Command, type Commands, folderOf, type Talk } from "../talk.ts";

const isDeleted = ({ flags }: Message) => flags.includes("\\Deleted");

const expunge: Command = {
  when: "selected",
  run(talk, { args }) {
    args.end();
    const folder = folderOf(talk);
    return removeDeleted(talk, folder, folder.messages, "EXPUNGE");
  },
};

const uidExpunge: Command = {
  when: "selected",
  run(talk, { args }) {
    args.space();
    const set = sequenceSet(args);
    args.end();
    const folder = folderOf(talk);
    const among = folder.resolve(set, true).map((index) => folder.at(index));
    return removeDeleted(talk, folder, among, "UID EXPUNGE");
  },
};

async function removeDeleted(
  talk: Talk,
  folder: Selected,
  among: readonly Message[],
  name: string,
): Promise<Answer> {
  if (folder.readOnly) throw refuse("The mailbox is open for reading only", "READ-ONLY");
  const uids: Uid[] = among.filter(isDeleted).map(({ uid }) => uid);
  if (uids.length > 0) await folder.view.expunge(uids, talk.signal);
  // RFC 7162 §3.2.7: the value after the removal, so that the client need not ask for what it has just heard.
  const code = talk.enabled.qresync ? `HIGHESTMODSEQ ${folder.view.folder.highestModseq}` : undefined;
  return ok(`${name} completed`, code);
}

/** Removes without telling: the client leaves. */
const close: Command = {
  when: "selected",
  quiet: true,
  async run(talk, { args }) {
    args.end();
    const folder = folderOf(talk);
    if (!folder.readOnly) await removeDeleted(talk, folder, folder.messages, "CLOSE");
    talk.leaveFolder();
    return ok("CLOSE completed");
  },
};

const unselect: Command = {
  when: "selected",
  quiet: true,
  run(talk, { args }) {
    args.end();
    talk.leaveFolder();
    return ok("UNSELECT completed");
  },
};

export const removing: Commands = {
  EXPUNGE: expunge,
  "UID EXPUNGE": uidExpunge,
  CLOSE: close,
  UNSELECT: unselect,
};
