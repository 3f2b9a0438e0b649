/**
 * Address lists for ENVELOPE.
 *
 * In:     the value of From, To and their kin, as people and programs write them.
 * Out:    addresses; a group as a beginning and an end. What is no address at all is given as a local part.
 * Spec:   RFC 5322 §3.4, §4.4 (routes are dropped), RFC 9051 §7.5.2 (groups).
 */
import type { EnvelopeAddress } from "../digest.ts";
import { type Token, tokens } from "./tokens.ts";

/** Beyond it a list is cut. */
const ADDRESSES_MAX = 200;
const TEXT_MAX = 1_000;

const groupEnd: EnvelopeAddress = { name: null, local: null, host: null };

export function addresses(value: string | undefined): EnvelopeAddress[] {
  if (value === undefined) return [];
  const found: EnvelopeAddress[] = [];
  let words: Token[] = [];
  let inGroup = false;
  const flush = () => {
    const address = addressOf(words);
    if (address) found.push(address);
    words = [];
  };
  let angle = false;
  for (const token of tokens(value, ",;:<>@")) {
    const special = token.kind === "special" ? token.text : "";
    if (special === "<") angle = true;
    else if (special === ">") angle = false;
    if (special === ":" && !angle && !inGroup && !words.some(isAt)) {
      found.push({ name: null, local: cut(phrase(words)), host: null });
      inGroup = true;
      words = [];
    } else if (special === "," && !angle) flush();
    else if (special === ";" && !angle) {
      flush();
      if (inGroup) found.push(groupEnd);
      inGroup = false;
    } else words.push(token);
    if (found.length >= ADDRESSES_MAX) break;
  }
  flush();
  if (inGroup) found.push(groupEnd);
  return found;
}

const isAt = (token: Token) => token.kind === "special" && token.text === "@";
const cut = (text: string) => (text.length > TEXT_MAX ? text.slice(0, TEXT_MAX) : text);

function addressOf(words: readonly Token[]): EnvelopeAddress | undefined {
  const comment = words.findLast((token) => token.kind === "comment")?.text;
  const plain = words.filter((token) => token.kind !== "comment");
  if (plain.length === 0) return undefined;
  const open = plain.findIndex((token) => token.kind === "special" && token.text === "<");
  if (open < 0) return { name: comment ? cut(comment) : null, ...spec(plain) };
  const close = plain.findIndex((token, i) => i > open && token.kind === "special" && token.text === ">");
  const inside = plain.slice(open + 1, close < 0 ? undefined : close);
  const name = phrase(plain.slice(0, open));
  return { name: name === "" ? (comment ? cut(comment) : null) : cut(name), ...spec(withoutRoute(inside)) };
}

/** `@a,@b:user@c`. RFC 5322 §4.4 */
function withoutRoute(words: readonly Token[]): readonly Token[] {
  const first = words[0];
  if (!first || !isAt(first)) return words;
  const colon = words.findIndex((token) => token.kind === "special" && token.text === ":");
  return colon < 0 ? words : words.slice(colon + 1);
}

function spec(words: readonly Token[]): { local: string | null; host: string | null } {
  const at = words.findLastIndex(isAt);
  const local = cut(glued(at < 0 ? words : words.slice(0, at)));
  const host = at < 0 ? "" : cut(glued(words.slice(at + 1)));
  // An absent host would read as a group.
  return { local, host };
}

const glued = (words: readonly Token[]) => words.map(({ text }) => text).join("");

/** Words of a display name with one space where there was some. */
function phrase(words: readonly Token[]): string {
  let text = "";
  for (const token of words) {
    if (token.kind === "comment") continue;
    text += (token.spaced && text !== "" ? " " : "") + token.text;
  }
  return text;
}
