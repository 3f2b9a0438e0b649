/**
 * What making, deleting and renaming folders does to a mailbox's ledger. Pure.
 *
 * In:     the ledger, names as clients write them, the time.
 * Out:    the ledger after it.
 * Fails:  `MailboxRefusal`.
 * Spec:   RFC 9051 §6.3.4–§6.3.8, RFC 6154 (special use), RFC 8474 (MAILBOXID).
 */
import { type FolderLedger, folderOf, type Ledger, replaced, withFolder } from "./ledger.ts";
import { compareNames, folderName, isBelow, newFolderName, parentsOf } from "./names.ts";
import { MailboxRefusal } from "./session.ts";
import type { Uid } from "./store.ts";
import type { FolderInfo, SpecialUse } from "./view.ts";

/** Every change rewrites the ledger, so it must stay small. */
const FOLDERS_MAX = 1_000;
const SUBSCRIPTIONS_MAX = 2_000;

const standard: readonly (readonly [string, SpecialUse | undefined])[] = [
  ["INBOX", undefined],
  ["Drafts", "\\Drafts"],
  ["Sent", "\\Sent"],
  ["Junk", "\\Junk"],
  ["Trash", "\\Trash"],
  ["Archive", "\\Archive"],
];

/** A mailbox as it is when it is first opened: the standard folders are there, and subscribed to. */
export function furnished(ledger: Ledger, now: number): Ledger {
  if (ledger.furnished) return ledger;
  let after: Ledger = { ...ledger, furnished: true };
  for (const [name, use] of standard) {
    const { base, folder } = withFolder(after, name, now, use);
    after = use === undefined || folder.use === use ? base : withUse(base, folder, use);
    after = subscribed(after, name, true);
  }
  return after;
}

const withUse = (ledger: Ledger, folder: FolderLedger, use: SpecialUse): Ledger =>
  ledger.folders.some((other) => other.use === use)
    ? ledger
    : replaced(ledger, { ...folder, use }, { messages: 0, bytes: 0 });

export function created(ledger: Ledger, text: string, use: SpecialUse | undefined, now: number): Ledger {
  const name = nameFor(text);
  if (folderOf(ledger, name)) throw exists(name);
  if (use !== undefined && ledger.folders.some((folder) => folder.use === use))
    throw new MailboxRefusal("CANNOT", `another folder is ${use} already`);
  const { base } = withFolder(ledger, name, now, use);
  if (base.folders.length > FOLDERS_MAX)
    throw new MailboxRefusal("LIMIT", `a mailbox has at most ${FOLDERS_MAX} folders`);
  return base;
}

/** The messages go with it: the caller forgets their records. */
export function deleted(ledger: Ledger, text: string): { ledger: Ledger; folder: FolderLedger } {
  const folder = existing(ledger, text);
  if (folder.name === "INBOX") throw new MailboxRefusal("CANNOT", "INBOX cannot be deleted");
  if (ledger.folders.some(({ name }) => isBelow(name, folder.name)))
    throw new MailboxRefusal("HASCHILDREN", `${folder.name} has folders below it`);
  const modseq = ledger.modseq + 1;
  const after: Ledger = {
    ...ledger,
    modseq,
    bytes: ledger.bytes - folder.bytes,
    messages: ledger.messages - folder.messages,
    folders: ledger.folders.filter(({ id }) => id !== folder.id),
  };
  return { ledger: after, folder };
}

export function renamed(ledger: Ledger, from: string, to: string, now: number): Ledger {
  const folder = existing(ledger, from);
  const name = nameFor(to);
  if (folderOf(ledger, name)) throw exists(name);
  if (isBelow(name, folder.name) && folder.name !== "INBOX")
    throw new MailboxRefusal("CANNOT", "a folder cannot become its own child");
  if (folder.name === "INBOX") return inboxRenamed(ledger, folder, name, now);
  const moved: Ledger = {
    ...ledger,
    folders: ledger.folders.map((each) =>
      each.id === folder.id
        ? { ...each, name }
        : isBelow(each.name, folder.name)
          ? { ...each, name: name + each.name.slice(folder.name.length) }
          : each,
    ),
  };
  return withParents(moved, name, now);
}

/** The folder that was INBOX keeps messages, UIDs and children's names; a new INBOX takes its place. */
function inboxRenamed(ledger: Ledger, inbox: FolderLedger, name: string, now: number): Ledger {
  const moved = replaced(ledger, { ...inbox, name }, { messages: 0, bytes: 0 });
  return withFolder(withParents(moved, name, now), "INBOX", now).base;
}

function withParents(ledger: Ledger, name: string, now: number): Ledger {
  let base = ledger;
  for (const parent of parentsOf(name)) base = withFolder(base, parent, now).base;
  if (base.folders.length > FOLDERS_MAX)
    throw new MailboxRefusal("LIMIT", `a mailbox has at most ${FOLDERS_MAX} folders`);
  return base;
}

export function subscribed(ledger: Ledger, text: string, wanted: boolean): Ledger {
  const name = folderName(text);
  const others = ledger.subscriptions.filter((each) => each !== name);
  if (wanted && others.length >= SUBSCRIPTIONS_MAX)
    throw new MailboxRefusal("LIMIT", `at most ${SUBSCRIPTIONS_MAX} names can be subscribed to`);
  return { ...ledger, subscriptions: wanted ? [...others, name].sort(compareNames) : others };
}

function nameFor(text: string): string {
  const parsed = newFolderName(text);
  if ("why" in parsed) throw new MailboxRefusal("CANNOT", `the name ${parsed.why}`);
  return parsed.name;
}

const exists = (name: string) => new MailboxRefusal("ALREADYEXISTS", `there is a folder ${name} already`);

function existing(ledger: Ledger, text: string): FolderLedger {
  const folder = folderOf(ledger, text);
  if (folder) return folder;
  throw new MailboxRefusal("NONEXISTENT", "there is no such folder");
}

/** Where messages are to go: a client that may create it is told so. RFC 9051 §6.3.12 */
export function target(ledger: Ledger, text: string): FolderLedger {
  const folder = folderOf(ledger, text);
  if (folder) return folder;
  throw new MailboxRefusal("TRYCREATE", "there is no such folder");
}

export const folderInfo = (ledger: Ledger, folder: FolderLedger): FolderInfo => ({
  id: `F${folder.id}-${folder.uidValidity}`,
  name: folder.name,
  use: folder.use,
  subscribed: ledger.subscriptions.includes(folder.name),
  hasChildren: ledger.folders.some(({ name }) => isBelow(name, folder.name)),
  uidValidity: folder.uidValidity,
  uidNext: folder.uidNext as Uid,
  messages: folder.messages,
  unseen: folder.unseen,
  deleted: folder.deleted,
  bytes: folder.bytes,
  highestModseq: folder.modseq,
});
