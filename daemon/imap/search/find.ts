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
import { octetsOf } from "../reading.ts";
import { folderOf, type Talk } from "../talk.ts";
import { judge, readingKeys, type Setting } from "./judge.ts";
import { scan } from "./scan.ts";

const group = 100;

export async function find(talk: Talk, key: SearchKey): Promise<number[]> {
  const folder = folderOf(talk);
  const setting = settingOf(talk);
  const pace = new Pace(talk.clock);
  const fits: number[] = [];
  const open: number[] = [];
  for (let index = 0; index < folder.count; index++) {
    const verdict = judge(key, { message: folder.at(index), digest: undefined, found: undefined }, setting);
    if (verdict === true) fits.push(index);
    else if (verdict === undefined) open.push(index);
    if ((index & 255) === 0 && pace.due) await pace.rest();
  }
  for (let at = 0; at < open.length; at += group) {
    const some = open.slice(at, at + group);
    const messages = some.map((index) => folder.at(index));
    const digests = await folder.view.digests(messages, talk.signal);
    const unread: Unread[] = [];
    for (const [i, index] of some.entries()) {
      const facts = { message: messages[i] as Message, digest: digests[i] as Digest };
      const verdict = judge(key, { ...facts, found: undefined }, setting);
      if (verdict === true) fits.push(index);
      else if (verdict === undefined) unread.push({ ...facts, index });
      if (pace.due) await pace.rest();
    }
    for await (const index of readAndJudge(talk, key, unread, setting, pace)) fits.push(index);
  }
  return open.length === 0 ? fits : fits.sort((a, b) => a - b);
}

/** What only the octets can tell of it is still open. */
interface Unread {
  readonly index: number;
  readonly message: Message;
  readonly digest: Digest;
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
    ? unread.map(({ digest }) => digest.header)
    : [];
  let next = 0;
  for await (const page of octetsOf(view, messages, talk.signal, headers))
    for (const octets of page) {
      const facts = unread[next++] as Unread;
      try {
        const found = await scan({ octets, digest: facts.digest, pace }, keys);
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
  const known = new Map<SearchKey, ReadonlySet<number>>();
  return {
    now: talk.clock.now(),
    members(key) {
      let members = known.get(key);
      if (members === undefined) {
        members = new Set(folder.resolve(key.set, key.uid).map((index) => folder.at(index).uid));
        known.set(key, members);
      }
      return members;
    },
  };
}
