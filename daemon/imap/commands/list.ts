/**
 * LIST, extended LIST and LSUB.
 *
 * In:     a reference and patterns, selection and return options.
 * Out:    a LIST line per folder that fits, INBOX first, and STATUS lines when they are wished for.
 * Spec:   RFC 9051 §6.3.9, §7.3.1; RFC 5258 (extended), RFC 5819 (STATUS), RFC 6154 (special use); RFC 3501 §6.3.9 (LSUB).
 */
import type { FolderInfo } from "../../mailbox/view.ts";
import { ok, syntax } from "../answer.ts";
import type { Request } from "../command/reader.ts";
import { type Matches, pattern } from "../folder/pattern.ts";
import { accountOf, type Command, type Commands, speaksUtf8, type Talk } from "../talk.ts";
import type { Cursor } from "../wire/cursor.ts";
import { mailboxName } from "../wire/encode.ts";
import { statusItems, statusLine } from "./status.ts";

interface Options {
  readonly select: ReadonlySet<string>;
  readonly wanted: ReadonlySet<string>;
  readonly status: readonly string[];
  readonly extended: boolean;
}

const selectOptions = new Set(["SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"]);
const returnOptions = new Set(["SUBSCRIBED", "CHILDREN", "SPECIAL-USE"]);

function selection(cursor: Cursor): Set<string> | undefined {
  if (!cursor.looksAt("(")) return undefined;
  const select = new Set(cursor.list(() => optionOf(cursor, selectOptions)));
  // RFC 5258 §3.1: it needs something that can match recursively.
  if (select.has("RECURSIVEMATCH") && !select.has("SUBSCRIBED") && !select.has("SPECIAL-USE"))
    throw syntax("RECURSIVEMATCH needs another selection option");
  cursor.space();
  return select;
}

function optionOf(cursor: Cursor, known: ReadonlySet<string>): string {
  const name = cursor.word();
  if (!known.has(name)) throw syntax(`Unknown option ${name}`);
  return name;
}

function returns(cursor: Cursor): { wanted: Set<string>; status: string[] } | undefined {
  if (!cursor.skip(" ")) return undefined;
  if (cursor.word() !== "RETURN") throw syntax("Expected RETURN");
  cursor.space();
  let status: string[] = [];
  const wanted = cursor.list(() => {
    if (!cursor.skipWord("STATUS")) return optionOf(cursor, returnOptions);
    cursor.space();
    status = statusItems(cursor);
    return "STATUS";
  });
  return { wanted: new Set(wanted), status };
}

function patterns(cursor: Cursor, utf8: boolean): { texts: string[]; many: boolean } {
  if (!cursor.looksAt("(")) return { texts: [cursor.pattern(utf8)], many: false };
  return { texts: cursor.list(() => cursor.pattern(utf8), 1), many: true };
}

const none: ReadonlySet<string> = new Set();

async function list(talk: Talk, { args }: Request) {
  const utf8 = speaksUtf8(talk);
  args.space();
  const select = selection(args);
  const reference = args.mailbox(utf8);
  args.space();
  const { texts, many } = patterns(args, utf8);
  const back = returns(args);
  args.end();
  const extended = select !== undefined || many || back !== undefined;
  const { wanted = none, status = [] } = back ?? {};
  // An empty pattern asks for the separator only. RFC 9051 §6.3.9
  if (!extended && texts[0] === "") talk.out.line('* LIST (\\Noselect) "/" ""');
  else {
    const fits = texts.map((text) => pattern(reference + text));
    tell(talk, fits, { select: select ?? none, wanted, status, extended });
  }
  return ok("LIST completed");
}

function tell(talk: Talk, fits: readonly Matches[], options: Options): void {
  const { mailbox } = accountOf(talk);
  const utf8 = speaksUtf8(talk);
  const folders = mailbox.folders();
  const matches = (name: string) => fits.some((fit) => fit(name));
  for (const folder of folders) {
    if (!matches(folder.name)) continue;
    const chosen = isChosen(folder, options.select);
    const info = options.select.has("RECURSIVEMATCH") ? childInfo(folder, folders, options.select) : "";
    if (!chosen && info === "") continue;
    talk.out.line(`* LIST (${attributes(folder, options)}) "/" ${mailboxName(folder.name, utf8)}${info}`);
    if (chosen && options.status.length > 0) talk.out.line(statusLine(talk, folder, options.status));
  }
  if (!options.select.has("SUBSCRIBED") || options.select.has("SPECIAL-USE")) return;
  for (const name of mailbox.subscriptions())
    if (matches(name) && mailbox.folder(name) === undefined)
      talk.out.line(`* LIST (\\NonExistent \\Subscribed) "/" ${mailboxName(name, utf8)}`);
}

function isChosen({ subscribed, use }: FolderInfo, select: ReadonlySet<string>): boolean {
  if (select.has("SUBSCRIBED") && !subscribed) return false;
  return !select.has("SPECIAL-USE") || use !== undefined;
}

/** A parent tells that something below it fits the selection. RFC 5258 §3.5 */
function childInfo(parent: FolderInfo, folders: readonly FolderInfo[], select: ReadonlySet<string>): string {
  const below = folders.some((each) => each.name.startsWith(`${parent.name}/`) && isChosen(each, select));
  if (!below) return "";
  const names = ["SUBSCRIBED", "SPECIAL-USE"].filter((name) => select.has(name)).map((name) => `"${name}"`);
  return ` ("CHILDINFO" (${names.join(" ")}))`;
}

function attributes(folder: FolderInfo, { select, wanted }: Options): string {
  const words = [folder.hasChildren ? "\\HasChildren" : "\\HasNoChildren"];
  const tellsSubscribed = select.has("SUBSCRIBED") || wanted.has("SUBSCRIBED");
  if (tellsSubscribed && folder.subscribed) words.push("\\Subscribed");
  if (folder.use !== undefined) words.push(folder.use);
  return words.join(" ");
}

async function lsub(talk: Talk, { args }: Request) {
  const utf8 = speaksUtf8(talk);
  args.space();
  const reference = args.mailbox(utf8);
  args.space();
  const text = reference + args.pattern(utf8);
  args.end();
  const { mailbox } = accountOf(talk);
  const matches = pattern(text);
  const names = mailbox.subscriptions();
  const told = new Set(names.filter(matches));
  for (const name of told) talk.out.line(`* LSUB () "/" ${mailboxName(name, utf8)}`);
  // `%` does not reach into levels: what has subscribed children is shown in their place. RFC 3501 §6.3.9
  if (text.endsWith("%"))
    for (const parent of parents(names)) {
      if (!matches(parent) || told.has(parent)) continue;
      talk.out.line(`* LSUB (\\Noselect) "/" ${mailboxName(parent, utf8)}`);
    }
  return ok("LSUB completed");
}

function parents(names: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const name of names)
    for (let at = name.indexOf("/"); at !== -1; at = name.indexOf("/", at + 1)) found.add(name.slice(0, at));
  return found;
}

const listCommand: Command = { when: "user", run: list };
const lsubCommand: Command = { when: "user", run: lsub };

export const listing: Commands = { LIST: listCommand, LSUB: lsubCommand };
