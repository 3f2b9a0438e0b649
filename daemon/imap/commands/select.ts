/**
 * SELECT and EXAMINE.
 *
 * Spec:   RFC 9051 §6.3.2, §6.3.3, Appendix E (no RECENT, UNSEEN in revision 2); RFC 7162 §3.1.1, §3.2.5 (QRESYNC);
 *         RFC 8474 §4.3 (MAILBOXID).
 */
import type { FolderView, Message, Vanished } from "../../mailbox/view.ts";
import { ok, refuse, syntax } from "../answer.ts";
import type { Request } from "../command/reader.ts";
import { type SequenceSet, sequenceSet } from "../command/sequence-set.ts";
import { gaps, isIn } from "../folder/gaps.ts";
import { Selected } from "../folder/selected.ts";
import { accountOf, type Command, type Commands, speaksUtf8, type Talk } from "../talk.ts";
import type { Cursor } from "../wire/cursor.ts";
import { mailboxName, ranges } from "../wire/encode.ts";

interface Resync {
  readonly uidValidity: number;
  readonly modseq: number;
  readonly known: SequenceSet | undefined;
}

interface Wishes {
  condstore: boolean;
  resync: Resync | undefined;
}

function wishes(cursor: Cursor, talk: Talk): Wishes {
  const found: Wishes = { condstore: false, resync: undefined };
  if (!cursor.skip(" ")) return found;
  cursor.list(() => {
    const name = cursor.word();
    if (name === "CONDSTORE") found.condstore = true;
    else if (name === "QRESYNC" && talk.enabled.qresync) found.resync = resync(cursor);
    else throw syntax(name === "QRESYNC" ? "ENABLE QRESYNC first" : "Unknown parameter of SELECT");
  }, 1);
  return found;
}

/** `(uidvalidity modseq [known-uids] [(numbers uids)])`; the pairs at the end are a help that we do not need. */
function resync(cursor: Cursor): Resync {
  cursor.space();
  cursor.expect("(");
  const uidValidity = cursor.number();
  cursor.space();
  const modseq = cursor.number();
  let known: SequenceSet | undefined;
  while (cursor.skip(" ")) {
    if (!cursor.skip("(")) known = sequenceSet(cursor);
    else {
      sequenceSet(cursor);
      cursor.space();
      sequenceSet(cursor);
      cursor.expect(")");
    }
  }
  cursor.expect(")");
  return { uidValidity, modseq, known };
}

async function select(talk: Talk, { args, name: command }: Request) {
  args.space();
  const name = args.mailbox(speaksUtf8(talk));
  const { condstore, resync } = wishes(args, talk);
  args.end();
  const account = accountOf(talk);
  // RFC 9051 §6.3.2: a SELECT that fails leaves no folder selected.
  const left = talk.state.at === "selected";
  talk.leaveFolder();
  const view = await account.mailbox.select(name, talk.signal);
  if (left && (talk.enabled.qresync || talk.enabled.rev2))
    talk.out.line("* OK [CLOSED] The mailbox before is left");
  if (view === undefined) throw refuse("There is no such mailbox", "NONEXISTENT");
  if (condstore) talk.enabled.condstore = true;
  const readOnly = command === "EXAMINE";
  const folder = new Selected(view, readOnly, talk.onChange);
  talk.state = { at: "selected", account, folder };
  introduce(talk, folder);
  if (resync !== undefined && resync.uidValidity === view.folder.uidValidity) {
    const vanished = await view.vanished(resync.modseq, talk.signal);
    tellMissed(talk, folder, resync, vanished);
  }
  return ok(`${command} completed`, readOnly ? "READ-ONLY" : "READ-WRITE");
}

function introduce({ out, enabled }: Talk, folder: Selected): void {
  const { uidValidity, uidNext, highestModseq, id, name } = folder.view.folder;
  const flags = folder.flagNames();
  out.line(`* FLAGS (${flags})`);
  out.line(`* ${folder.count} EXISTS`);
  if (enabled.rev2) out.line(`* LIST () "/" ${mailboxName(name, true)}`);
  else {
    out.line("* 0 RECENT");
    const unseen = folder.messages.findIndex((message) => !message.flags.includes("\\Seen"));
    if (unseen >= 0) out.line(`* OK [UNSEEN ${unseen + 1}] The first unseen message`);
  }
  const permanent = folder.readOnly ? "" : `${flags} \\*`;
  out.line(`* OK [PERMANENTFLAGS (${permanent})] Flags that stay`);
  out.line(`* OK [UIDVALIDITY ${uidValidity}] UIDs are valid`);
  out.line(`* OK [UIDNEXT ${uidNext}] The next UID`);
  out.line(`* OK [HIGHESTMODSEQ ${Math.max(1, highestModseq)}] The latest change`);
  out.line(`* OK [MAILBOXID (${id})] The mailbox's id`);
}

/** What happened since the client was here last. RFC 7162 §3.2.5.1 */
function tellMissed({ out }: Talk, folder: Selected, { modseq, known }: Resync, vanished: Vanished): void {
  const gone = vanishedUids(folder.view, folder.messages, vanished, known);
  if (gone !== "") out.line(`* VANISHED (EARLIER) ${gone}`);
  for (const [index, message] of folder.messages.entries()) {
    if (message.modseq <= modseq || (known && !isIn(known, message.uid, folder.messages))) continue;
    const { uid, flags, modseq: now } = message;
    out.line(`* ${index + 1} FETCH (UID ${uid} FLAGS (${flags.join(" ")}) MODSEQ (${now}))`);
  }
}

/** As a set; of what the client knows, when it says so. Where the list was cut: everything that is not there. */
export function vanishedUids(
  view: FolderView,
  messages: readonly Message[],
  { uids, complete }: Vanished,
  known: SequenceSet | undefined,
): string {
  if (!complete) return gaps(messages, view.folder.uidNext, known);
  return ranges(known ? uids.filter((uid) => isIn(known, uid, messages)) : uids);
}

const selectCommand: Command = { when: "user", quiet: true, run: select };

export const selecting: Commands = { SELECT: selectCommand, EXAMINE: selectCommand };
