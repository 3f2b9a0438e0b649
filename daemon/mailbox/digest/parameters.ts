/**
 * `value; name=value; …` of Content-Type and Content-Disposition.
 *
 * In:     an unfolded field value, or none.
 * Out:    the value in lower case, and parameters; continuations are joined, extended ones (`name*`) keep their
 *         charset form under the plain name with percent-encoding decoded when they are UTF-8 or US-ASCII.
 * Spec:   RFC 2045 §5.1, RFC 2183 §2, RFC 2231 §3–§4.
 */
import type { Parameters } from "../digest.ts";
import { type Token, tokens } from "./tokens.ts";

const PARAMETERS_MAX = 50;
const TEXT_MAX = 2_000;

export interface Valued {
  readonly value: string;
  readonly parameters: Parameters;
}

export function valued(text: string): Valued {
  const parts: Token[][] = [[]];
  for (const token of tokens(text, ";=")) {
    if (token.kind === "special" && token.text === ";") parts.push([]);
    else if (token.kind !== "comment") parts.at(-1)?.push(token);
  }
  const [head = [], ...rest] = parts;
  const value = head
    .map(({ text }) => text)
    .join("")
    .toLowerCase();
  return { value, parameters: joined(rest.slice(0, PARAMETERS_MAX).flatMap(parameter)) };
}

interface Piece {
  readonly name: string;
  /** Its number among the pieces of a split value. */
  readonly section: number;
  readonly extended: boolean;
  readonly value: string;
}

function parameter(words: readonly Token[]): Piece[] {
  const equals = words.findIndex((token) => token.kind === "special" && token.text === "=");
  if (equals < 1) return [];
  const name = words
    .slice(0, equals)
    .map(({ text }) => text)
    .join("")
    .toLowerCase();
  const value = words
    .slice(equals + 1)
    .map(({ text, spaced }, i) => (spaced && i > 0 ? ` ${text}` : text))
    .join("")
    .slice(0, TEXT_MAX);
  const split = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(name);
  if (!split) return [{ name, section: 0, extended: false, value }];
  const section = split[2] === undefined ? 0 : Number(split[2]);
  return [{ name: split[1] ?? name, section, extended: split[3] !== undefined, value }];
}

function joined(pieces: readonly Piece[]): Parameters {
  const byName = new Map<string, Piece[]>();
  for (const piece of pieces) {
    const list = byName.get(piece.name);
    if (list) list.push(piece);
    else byName.set(piece.name, [piece]);
  }
  return [...byName].map(([name, list]) => [name, whole(list)] as const);
}

function whole(pieces: readonly Piece[]): string {
  const [only] = pieces;
  if (pieces.length === 1 && only && !only.extended) return only.value;
  const sorted = [...pieces].sort((a, b) => a.section - b.section);
  const first = sorted[0];
  const charset = first?.extended ? (/^([^']*)'[^']*'/.exec(first.value)?.[1]?.toLowerCase() ?? "") : "";
  const text = sorted
    .map(({ value, extended, section }) => {
      const bare = extended && section === 0 ? value.replace(/^[^']*'[^']*'/, "") : value;
      return extended ? decoded(bare, charset) : bare;
    })
    .join("");
  return text.slice(0, TEXT_MAX);
}

function decoded(text: string, charset: string): string {
  if (!text.includes("%")) return text;
  const octets = Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
  return octets.toString(charset === "iso-8859-1" || charset === "latin1" ? "latin1" : "utf8");
}
