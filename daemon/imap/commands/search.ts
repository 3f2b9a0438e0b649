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
import { pacedSort } from "../paced-sort.ts";
import { baseSubject } from "../search/fields.ts";
import { digested, find } from "../search/find.ts";
import { inOrder, needsDigests, type Order, orders, type Row, rowOf, sentAt } from "../search/sort.ts";
import { byOrderedSubject, byReferences, type Threadable, threadText } from "../search/thread.ts";
import { type Command, type Commands, folderOf, type Talk } from "../talk.ts";
import { type Cursor, utf8 } from "../wire/cursor.ts";
import { rangeWords, string } from "../wire/encode.ts";

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
    const pace = new Pace(talk.clock);
    const places = await find(talk, key, pace);
    if (save) folderOf(talk).saved = saved(talk, places, options);
    await tell(talk, request, { places, key, options }, pace);
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

interface Found {
  /** In the order that is to be told. */
  readonly places: readonly number[];
  readonly key: SearchKey;
  readonly options: ReadonlySet<string> | undefined;
}

async function tell(
  talk: Talk,
  { tag, name }: Request,
  { places, key, options }: Found,
  pace: Pace,
): Promise<void> {
  const { out, enabled } = talk;
  const folder = folderOf(talk);
  const uid = name.startsWith("UID ");
  const numbers = places.map((index) => (uid ? folder.at(index).uid : index + 1));
  const modseq = asksModseq(key) && places.length > 0 ? highest(talk, places) : undefined;
  if (modseq !== undefined) enabled.condstore = true;
  const sorting = name.endsWith("SORT");
  if (options === undefined && (sorting || !enabled.rev2)) {
    out.text(`* ${sorting ? "SORT" : "SEARCH"}${numbers.length > 0 ? " " : ""}`);
    await tellWords(talk, numbers, " ", pace);
    return out.line(modseq === undefined ? "" : ` (MODSEQ ${modseq})`);
  }
  const wanted = options ?? new Set(["ALL"]);
  if (wanted.size === 1 && wanted.has("SAVE")) return;
  out.text(`* ESEARCH (TAG ${string(tag, false)})${uid ? " UID" : ""}`);
  const [first] = numbers;
  if (first !== undefined) {
    if (wanted.has("MIN")) out.text(` MIN ${first}`);
    if (wanted.has("MAX")) out.text(` MAX ${numbers.at(-1)}`);
    if (wanted.has("ALL")) {
      out.text(" ALL ");
      // A sorted result keeps its order. RFC 5267 §3.1
      await tellWords(talk, sorting ? numbers : rangeWords(numbers), ",", pace);
    }
  }
  if (wanted.has("COUNT")) out.text(` COUNT ${numbers.length}`);
  out.line(modseq === undefined ? "" : ` MODSEQ ${modseq}`);
}

/** There may be a hundred thousand. */
async function tellWords(
  { out }: Talk,
  words: Iterable<string | number>,
  between: string,
  pace: Pace,
): Promise<void> {
  let text = "";
  let first = true;
  for (const word of words) {
    text += first ? word : `${between}${word}`;
    first = false;
    if (!pace.due) continue;
    out.text(text);
    text = "";
    if (out.full) await out.room();
    await pace.rest();
  }
  out.text(text);
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
  const pace = new Pace(talk.clock);
  const found = await find(talk, key, pace);
  const rows = await pacedSort(await rowsOf(talk, found, wanted, pace), inOrder(wanted), pace);
  const places = rows.map(({ index }) => index);
  await tell(talk, request, { places, key, options }, pace);
  return ok(`${name} completed`);
}

async function rowsOf(
  talk: Talk,
  places: readonly number[],
  wanted: readonly Order[],
  pace: Pace,
): Promise<Row[]> {
  const folder = folderOf(talk);
  const rows: Row[] = [];
  const add = (index: number, digest?: Digest) =>
    void rows.push(rowOf(index, folder.at(index), digest, wanted));
  if (needsDigests(wanted)) await digested(talk, places, pace, add);
  else await pace.each(places, (index) => add(index));
  return rows;
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
  const pace = new Pace(talk.clock);
  const found = await find(talk, key, pace);
  const uid = name.startsWith("UID ");
  const messages: Threadable[] = [];
  await digested(talk, found, pace, (index, digest) => {
    messages.push(threadable(talk, index, digest, uid));
  });
  const threads = await threadText(await algorithms[algorithm](messages, pace), pace);
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
