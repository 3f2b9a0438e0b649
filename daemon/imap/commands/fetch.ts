/**
 * FETCH and UID FETCH.
 *
 * In:     a set, items, modifiers.
 * Out:    a FETCH line per message, built as few large writes; bodies stream at the client's pace.
 * Fails:  a message that another session removed meanwhile is passed over and told by NO [EXPUNGEISSUED].
 * Spec:   RFC 9051 §6.4.5, §7.5.2; RFC 7162 §3.1.4 (CHANGEDSINCE), §3.2.6 (VANISHED); RFC 5530 §3.
 */
import { type Answer, no, ok, syntax } from "../answer.ts";
import { type FetchItem, fetchItems, type SimpleItem } from "../command/fetch-items.ts";
import { type SequenceSet, sequenceSet } from "../command/sequence-set.ts";
import { FetchRun } from "../fetch/run.ts";
import type { Selected } from "../folder/selected.ts";
import { type Command, type Commands, folderOf, type Talk } from "../talk.ts";
import type { Cursor } from "../wire/cursor.ts";
import { vanishedUids } from "./select.ts";

interface Modifiers {
  changedSince: number | undefined;
  vanished: boolean;
}

function modifiers(cursor: Cursor): Modifiers {
  const found: Modifiers = { changedSince: undefined, vanished: false };
  if (!cursor.skip(" ")) return found;
  cursor.list(() => {
    const name = cursor.word();
    if (name === "VANISHED") found.vanished = true;
    else if (name === "CHANGEDSINCE") {
      cursor.space();
      found.changedSince = cursor.number();
    } else throw syntax("Unknown modifier of FETCH");
  }, 1);
  return found;
}

const item = (name: SimpleItem): FetchItem => ({ kind: "simple", name });
const has = (items: readonly FetchItem[], name: SimpleItem) =>
  items.some((each) => each.kind === "simple" && each.name === name);

/** UID is told by UID FETCH, and MODSEQ wherever changes are asked for, whether they were named or not. */
function complete(items: FetchItem[], uid: boolean, changedSince: number | undefined): FetchItem[] {
  const all = uid && !has(items, "UID") ? [item("UID"), ...items] : items;
  return changedSince !== undefined && !has(all, "MODSEQ") ? [...all, item("MODSEQ")] : all;
}

const fetch: Command = {
  when: "selected",
  quiet: true,
  async run(talk, { args, name }): Promise<Answer> {
    const uid = name.startsWith("UID ");
    args.space();
    const set = sequenceSet(args);
    args.space();
    const asked = fetchItems(args);
    const { changedSince, vanished } = modifiers(args);
    args.end();
    const items = complete(asked, uid, changedSince);
    if (has(items, "MODSEQ")) talk.enabled.condstore = true;
    const folder = folderOf(talk);
    let places = folder.resolve(set, uid);
    if (changedSince !== undefined) {
      if (vanished) await tellVanished(talk, folder, set, changedSince, uid);
      places = places.filter((index) => folder.at(index).modseq > changedSince);
    }
    const { missed } = await new FetchRun(talk, folder, items).tell(places);
    return missed ? no("Some messages are gone", "EXPUNGEISSUED") : ok(`${name} completed`);
  },
};

async function tellVanished(
  talk: Talk,
  folder: Selected,
  set: SequenceSet,
  modseq: number,
  uid: boolean,
): Promise<void> {
  if (!uid || !talk.enabled.qresync) throw syntax("VANISHED needs UID FETCH and ENABLE QRESYNC");
  const vanished = await folder.view.vanished(modseq, talk.signal);
  const gone = vanishedUids(folder.view, folder.messages, vanished, set);
  if (gone !== "") talk.out.line(`* VANISHED (EARLIER) ${gone}`);
}

/** UID FETCH may tell EXPUNGE: its client does not count. RFC 9051 §7.5.1 */
export const fetching: Commands = { FETCH: fetch, "UID FETCH": { ...fetch, quiet: false } };
