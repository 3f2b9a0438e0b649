/**
 * SEARCH, SORT and THREAD, by number and by UID.
 *
 * Spec:   RFC 9051 §6.4.4, §7.3.4 (ESEARCH; always in revision 2), RFC 4731, RFC 5182 (SAVE), RFC 5256, RFC 5267 §3
 *         (SORT with RETURN), RFC 7162 §3.1.5, §3.1.6.
 */
import type { Digest } from "../../mailbox/digest.ts";
import { type Answer, ok, refuse, syntax } from "../answer.ts";
import type { Request } from "../command/reader.ts";
import { asksModseq, charsetDecoder, type SearchKey, searchProgram } from "../command/search-keys.ts";
import { Pace } from "../pace.ts";
import { baseSubject } from "../search/fields.ts";
import { find } from "../search/find.ts";
import { needsDigests, orders, sentAt, sorted } from "../search/sort.ts";
import { byOrderedSubject, byReferences, type Threadable, threadText } from "../search/thread.ts";
import { type Command, type Commands, folderOf, type Talk } from "../talk.ts";
import { type Cursor, utf8 } from "../wire/cursor.ts";
import { ranges, string } from "../wire/encode.ts";

const returnOptions = new Set(["MIN", "MAX", "ALL", "COUNT", "SAVE"]);

function returns(cursor: Cursor): Set<string> | undefined {
  if (!cursor.skipWord("RETURN")) return undefined;
  cursor.space();
  const options = new Set(
    cursor.list(() => {
      const name = cursor.word();
      if (!returnOptions.has(name)) throw syntax(`Unknown option ${name}`);
      return name;
    }),
  );
  cursor.space();
  // RFC 4731 §3.1: none means ALL
  return options.size === 0 ? new Set(["ALL"]) : options;
}

async function search(talk: Talk, request: Request): Promise<Answer> {
  const { args, name } = request;
  args.space();
  const options = returns(args);
  let decode = utf8;
  if (args.skipWord("CHARSET")) {
    args.space();
    decode = charsetDecoder(args.astring());
    args.space();
  }
  const save = options?.has("SAVE") ?? false;
  try {
    const key = searchProgram(args, decode);
    const places = await find(talk, key);
    if (save) folderOf(talk).saved = saved(talk, places, options);
    tell(talk, request, places, key, options);
  } catch (error) {
    if (save) folderOf(talk).saved = []; // RFC 5182 §2.1
    throw error;
  }
  return ok(`${name} completed`);
}

/** With MIN or MAX alone, only these are saved. RFC 5182 §2.4 */
function saved(talk: Talk, places: readonly number[], options: ReadonlySet<string> | undefined): number[] {
  const folder = folderOf(talk);
  const uids = places.map((index) => folder.at(index).uid as number);
  const ends = options?.has("MIN") || options?.has("MAX");
  if (!ends || options?.has("ALL") || options?.has("COUNT")) return uids;
  const wanted = [options?.has("MIN") ? uids[0] : undefined, options?.has("MAX") ? uids.at(-1) : undefined];
  return [...new Set(wanted.filter((uid) => uid !== undefined))];
}

/** `places` in the order that is to be told. */
function tell(
  talk: Talk,
  { tag, name }: Request,
  places: readonly number[],
  key: SearchKey,
  options: ReadonlySet<string> | undefined,
): void {
  const folder = folderOf(talk);
  const uid = name.startsWith("UID ");
  const numbers = places.map((index) => (uid ? folder.at(index).uid : index + 1));
  const modseq = asksModseq(key) && places.length > 0 ? highest(talk, places) : undefined;
  if (modseq !== undefined) talk.enabled.condstore = true;
  const sorting = name.endsWith("SORT");
  if (options === undefined && (sorting || !talk.enabled.rev2)) {
    const tail = modseq === undefined ? "" : ` (MODSEQ ${modseq})`;
    const list = numbers.length === 0 ? "" : ` ${numbers.join(" ")}`;
    talk.out.line(`* ${sorting ? "SORT" : "SEARCH"}${list}${tail}`);
    return;
  }
  const wanted = options ?? new Set(["ALL"]);
  if (wanted.size === 1 && wanted.has("SAVE")) return;
  const words = esearch(numbers, wanted, modseq, sorting);
  talk.out.line(`* ESEARCH (TAG ${string(tag, false)})${uid ? " UID" : ""}${words}`);
}

function esearch(
  numbers: readonly number[],
  wanted: ReadonlySet<string>,
  modseq: number | undefined,
  sorting: boolean,
): string {
  let text = "";
  const [first] = numbers;
  if (first !== undefined) {
    if (wanted.has("MIN")) text += ` MIN ${first}`;
    if (wanted.has("MAX")) text += ` MAX ${numbers.at(-1)}`;
    // A sorted result keeps its order. RFC 5267 §3.1
    if (wanted.has("ALL")) text += ` ALL ${sorting ? numbers.join(",") : ranges(numbers)}`;
  }
  if (wanted.has("COUNT")) text += ` COUNT ${numbers.length}`;
  return modseq === undefined ? text : `${text} MODSEQ ${modseq}`;
}

function highest(talk: Talk, places: readonly number[]): number {
  const folder = folderOf(talk);
  let modseq = 0;
  for (const index of places) modseq = Math.max(modseq, folder.at(index).modseq);
  return modseq;
}

async function sort(talk: Talk, request: Request): Promise<Answer> {
  const { args, name } = request;
  args.space();
  const options = returns(args);
  if (options?.has("SAVE")) throw refuse("SORT cannot save its result", "CANNOT");
  const wanted = orders(args);
  args.space();
  const decode = charsetDecoder(args.astring());
  args.space();
  const key = searchProgram(args, decode);
  const found = await find(talk, key);
  const digests = needsDigests(wanted) ? await digestsOf(talk, found) : [];
  const folder = folderOf(talk);
  const items = found.map((index, i) => ({ index, message: folder.at(index), digest: digests[i] }));
  tell(talk, request, sorted(items, wanted), key, options);
  return ok(`${name} completed`);
}

const group = 500;

async function digestsOf(talk: Talk, places: readonly number[]): Promise<Digest[]> {
  const folder = folderOf(talk);
  const pace = new Pace(talk.clock);
  const digests: Digest[] = [];
  for (let at = 0; at < places.length; at += group) {
    const messages = places.slice(at, at + group).map((index) => folder.at(index));
    for (const digest of await folder.view.digests(messages, talk.signal)) digests.push(digest);
    if (pace.due) await pace.rest();
  }
  return digests;
}

const algorithms = { REFERENCES: byReferences, ORDEREDSUBJECT: byOrderedSubject } as const;

async function thread(talk: Talk, { args, name }: Request): Promise<Answer> {
  args.space();
  const algorithm = args.word();
  if (algorithm !== "REFERENCES" && algorithm !== "ORDEREDSUBJECT") throw syntax("Unknown algorithm");
  args.space();
  const decode = charsetDecoder(args.astring());
  args.space();
  const key = searchProgram(args, decode);
  const found = await find(talk, key);
  const digests = await digestsOf(talk, found);
  const uid = name.startsWith("UID ");
  const messages = found.map((index, i) => threadable(talk, index, digests[i] as Digest, uid));
  const threads = threadText(algorithms[algorithm](messages));
  talk.out.line(threads === "" ? "* THREAD" : `* THREAD ${threads}`);
  return ok(`${name} completed`);
}

function threadable(talk: Talk, index: number, digest: Digest, uid: boolean): Threadable {
  const message = folderOf(talk).at(index);
  const { envelope, references } = digest;
  const parent = /<[^<>]+>/.exec(envelope.inReplyTo ?? "")?.[0];
  const { text, reply } = baseSubject(envelope.subject);
  return {
    number: uid ? message.uid : index + 1,
    id: envelope.messageId ?? undefined,
    references: references.length > 0 ? references : parent === undefined ? [] : [parent],
    subject: text,
    isReply: reply,
    sentAt: sentAt(message, digest),
  };
}

const counting = (run: Command["run"]): Command => ({ when: "selected", quiet: true, run });
const byUid = (run: Command["run"]): Command => ({ when: "selected", run });

export const searching: Commands = {
  SEARCH: counting(search),
  "UID SEARCH": byUid(search),
  SORT: counting(sort),
  "UID SORT": byUid(sort),
  THREAD: counting(thread),
  "UID THREAD": byUid(thread),
};
