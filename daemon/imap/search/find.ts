/**
 * Finds the messages of a folder that fit a search.
 *
 * In:     the selected folder, a key.
 * Out:    places (number - 1), rising.
 * Cost:   records first, digests in groups for those that are still open, octets only for the rest; in short turns.
 */
import type { Digest } from "../../mailbox/digest.ts";
import type { Message } from "../../mailbox/view.ts";
import type { SearchKey } from "../command/search-keys.ts";
import { Pace } from "../pace.ts";
import { pacedSort } from "../paced-sort.ts";
import { octetsOf } from "../reading.ts";
import { folderOf, type Talk } from "../talk.ts";
import { Fields } from "./fields.ts";
import { judge, readingKeys, type Setting } from "./judge.ts";
import { scan } from "./scan.ts";

/** Digests of one request. */
const group = 250;

export async function find(talk: Talk, key: SearchKey, pace = new Pace(talk.clock)): Promise<number[]> {
  const folder = folderOf(talk);
  const setting = settingOf(talk);
  const fits: number[] = [];
  const open: number[] = [];
  for (let index = 0; index < folder.count; index++) {
    const verdict = judge(key, { message: folder.at(index), fields: undefined, found: undefined }, setting);
    if (verdict === true) fits.push(index);
    else if (verdict === undefined) open.push(index);
    if (pace.due) await pace.rest();
  }
  const late: number[] = [];
  for (let at = 0; at < open.length; at += group) {
    const unread: Unread[] = [];
    await digested(talk, open.slice(at, at + group), pace, (index, digest) => {
      const facts = { message: folder.at(index), fields: new Fields(digest), found: undefined };
      const verdict = judge(key, facts, setting);
      if (verdict === true) late.push(index);
      else if (verdict === undefined) unread.push({ ...facts, index });
    });
    for await (const index of readAndJudge(talk, key, unread, setting, pace)) late.push(index);
  }
  return late.length === 0 ? fits : pacedSort([...fits, ...late], rising, pace);
}

const rising = (a: number, b: number) => a - b;

/** Tells the digest of each; none is kept, since there may be a hundred thousand. */
export async function digested(
  talk: Talk,
  places: readonly number[],
  pace: Pace,
  take: (index: number, digest: Digest) => void,
): Promise<void> {
  const folder = folderOf(talk);
  for (let at = 0; at < places.length; at += group) {
    const some = places.slice(at, at + group);
    const messages = some.map((index) => folder.at(index));
    const digests = await folder.view.digests(messages, talk.signal);
    await pace.each(some.entries(), ([i, index]) => take(index, digests[i] as Digest));
  }
}

/** What only the octets can tell of it is still open. */
interface Unread {
  readonly index: number;
  readonly message: Message;
  readonly fields: Fields;
}

/** The places of those that fit. */
async function* readAndJudge(
  talk: Talk,
  key: SearchKey,
  unread: readonly Unread[],
  setting: Setting,
  pace: Pace,
): AsyncGenerator<number, void, void> {
  if (unread.length === 0) return;
  const { view } = folderOf(talk);
  const keys = [...readingKeys(key)];
  const messages = unread.map(({ message }) => message);
  const headers = keys.every(({ kind }) => kind === "header")
    ? unread.map(({ fields }) => fields.digest.header)
    : [];
  let next = 0;
  for await (const page of octetsOf(view, messages, talk.signal, headers))
    for (const octets of page) {
      const facts = unread[next++] as Unread;
      try {
        const found = await scan({ octets, digest: facts.fields.digest, pace }, keys);
        if (judge(key, { ...facts, found }, setting)) yield facts.index;
      } catch (error) {
        // A message that another session removed meanwhile does not fit.
        if (view.message(facts.message.uid) !== undefined) throw error;
      }
      if (pace.due) await pace.rest();
    }
}

function settingOf(talk: Talk): Setting {
  const folder = folderOf(talk);
  const known = new Map<SearchKey, (uid: number) => boolean>();
  return {
    now: talk.clock.now(),
    isMember(key, uid) {
      let isMember = known.get(key);
      if (isMember === undefined) {
        isMember = folder.member(key.set, key.uid);
        known.set(key, isMember);
      }
      return isMember(uid);
    },
  };
}
