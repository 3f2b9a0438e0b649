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
import { folderOf, type Talk } from "../talk.ts";
import { judge, readingKeys, type Setting } from "./judge.ts";
import { scan } from "./scan.ts";

const group = 200;

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
    for (const [i, index] of some.entries()) {
      const facts = { message: messages[i] as Message, digest: digests[i] as Digest };
      if (await decide(talk, key, facts, setting, pace)) fits.push(index);
      if (pace.due) await pace.rest();
    }
  }
  return open.length === 0 ? fits : fits.sort((a, b) => a - b);
}

async function decide(
  talk: Talk,
  key: SearchKey,
  facts: { readonly message: Message; readonly digest: Digest },
  setting: Setting,
  pace: Pace,
): Promise<boolean> {
  const verdict = judge(key, { ...facts, found: undefined }, setting);
  if (verdict !== undefined) return verdict;
  const { view } = folderOf(talk);
  try {
    const keys = [...readingKeys(key)];
    const found = await scan({ ...facts, view, signal: talk.signal, pace }, keys);
    return judge(key, { ...facts, found }, setting) ?? false;
  } catch (error) {
    if (view.message(facts.message.uid) !== undefined) throw error;
    return false; // removed by another session meanwhile
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
