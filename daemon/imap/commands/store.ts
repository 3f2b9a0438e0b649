/**
 * STORE and UID STORE.
 *
 * Spec:   RFC 9051 §6.4.6; RFC 7162 §3.1.3 (UNCHANGEDSINCE, MODIFIED; MODSEQ is told even when .SILENT).
 */
import type { FlagOrder, FlagsStored, Message } from "../../mailbox/view.ts";
import { ok, refuse, syntax } from "../answer.ts";
import { sequenceSet } from "../command/sequence-set.ts";
import type { Selected } from "../folder/selected.ts";
import { type Command, type Commands, folderOf, type Talk } from "../talk.ts";
import type { Cursor } from "../wire/cursor.ts";
import { ranges } from "../wire/encode.ts";

const settable = new Map(
  ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"].map((flag) => [flag.toLowerCase(), flag]),
);
const longestKeyword = 200;

/** A flag that a client may set, in its canonical spelling. */
function settableFlag(cursor: Cursor): string {
  const flag = cursor.flag();
  if (!flag.startsWith("\\")) {
    if (flag.length > longestKeyword) throw refuse("The keyword is too long", "LIMIT");
    return flag;
  }
  const known = settable.get(flag.toLowerCase());
  if (known === undefined) throw syntax(`The flag ${flag} cannot be set`);
  return known;
}

/** `\Recent` in an APPEND of old clients means nothing. */
export const flagList = (cursor: Cursor): string[] => cursor.list(() => settableFlag(cursor));

function unchangedSince(cursor: Cursor): number | undefined {
  if (!cursor.looksAt("(")) return undefined;
  let modseq: number | undefined;
  cursor.list(() => {
    if (cursor.word() !== "UNCHANGEDSINCE") throw syntax("Unknown modifier of STORE");
    cursor.space();
    modseq = cursor.number();
  }, 1);
  cursor.space();
  return modseq;
}

function action(cursor: Cursor): { how: FlagOrder["how"]; silent: boolean } {
  const how = cursor.skip("+") ? "add" : cursor.skip("-") ? "remove" : "replace";
  const name = cursor.word();
  if (name !== "FLAGS" && name !== "FLAGS.SILENT") throw syntax("Expected FLAGS");
  return { how, silent: name === "FLAGS.SILENT" };
}

function flagsAt(cursor: Cursor): string[] {
  if (cursor.looksAt("(")) return flagList(cursor);
  const flags = [settableFlag(cursor)];
  while (cursor.skip(" ")) flags.push(settableFlag(cursor));
  return flags;
}

const store: Command = {
  when: "selected",
  quiet: true,
  async run(talk, { args, name }) {
    const uid = name.startsWith("UID ");
    args.space();
    const set = sequenceSet(args);
    args.space();
    const since = unchangedSince(args);
    const { how, silent } = action(args);
    args.space();
    const flags = flagsAt(args);
    args.end();
    const folder = folderOf(talk);
    if (folder.readOnly) throw refuse("The mailbox is open for reading only", "READ-ONLY");
    if (since !== undefined) talk.enabled.condstore = true;
    const uids = folder.resolve(set, uid).map((index) => folder.at(index).uid);
    if (uids.length === 0) return ok(`${name} completed, no message has these numbers`);
    const order = { uids, how, flags, ...(since !== undefined && { unchangedSince: since }) };
    const stored = await folder.view.store(order, talk.signal);
    tell(talk, folder, stored, silent, uid);
    return ok(`${name} completed`, modified(folder, stored, uid));
  },
};

function tell(talk: Talk, folder: Selected, { messages }: FlagsStored, silent: boolean, uid: boolean): void {
  const { condstore } = talk.enabled;
  talk.out.text(folder.newKeywords());
  for (const message of messages) {
    const index = folder.indexOf(message.uid);
    if (index < 0) continue;
    folder.told(message);
    if (silent && !condstore) continue;
    talk.out.line(`* ${index + 1} FETCH (${fetchItems(message, silent, uid, condstore)})`);
  }
}

function fetchItems(message: Message, silent: boolean, uid: boolean, condstore: boolean): string {
  const items: string[] = [];
  if (uid || condstore) items.push(`UID ${message.uid}`);
  if (!silent) items.push(`FLAGS (${message.flags.join(" ")})`);
  if (condstore) items.push(`MODSEQ (${message.modseq})`);
  return items.join(" ");
}

function modified(folder: Selected, stored: FlagsStored, uid: boolean): string | undefined {
  if (stored.modified.length === 0) return undefined;
  const numbers = uid
    ? stored.modified
    : stored.modified.map((u) => folder.indexOf(u) + 1).filter((n) => n > 0);
  return `MODIFIED ${ranges(numbers)}`;
}

export const storing: Commands = { STORE: store, "UID STORE": { ...store, quiet: false } };
