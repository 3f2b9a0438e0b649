/**
 * Headers in UTF-8 (RFC 6532) as headers that every mail program understands, for those who did not say that they
 * understand more.
 *
 * In:     a message's octets, and where its headers lie: its own, and those of its parts.
 * Out:    the same with ASCII headers. Bodies stay as they are, and so do headers that are not UTF-8 (old mail with
 *         eight-bit headers, which is no internationalized mail).
 * Loss:   who cannot be named in ASCII is told by name as a group without members, so that nobody answers to a wrong
 *         address; comments in addresses go; other fields that must be ASCII get another name (`Downgraded-…`).
 * Spec:   RFC 6857 §3 (what becomes of each kind of field), RFC 2047 (words), RFC 2231 (parameters), RFC 5890 (A-labels).
 */
import { isAscii, isUtf8 } from "node:buffer";
import { domainToASCII } from "node:url";
import { encodedWords } from "../mail/encoded-words.ts";
import { addresses } from "./digest/addresses.ts";
import { valued } from "./digest/parameters.ts";
import type { EnvelopeAddress, Part, Range } from "./digest.ts";

/** Longer headers stay as they are: they would have to be held. */
const HEADER_MAX = 256 << 10;

/** Where headers lie, rising. */
export function headersOf({ header, parts, message }: Part): Range[] {
  return [header, ...parts.flatMap(headersOf), ...(message ? headersOf(message.structure) : [])];
}

export async function* downgraded(
  pieces: AsyncIterable<Uint8Array>,
  headers: readonly Range[],
): AsyncGenerator<Uint8Array, void, void> {
  const waiting = headers.filter(({ size }) => size > 0 && size <= HEADER_MAX);
  let at = 0;
  let held: Uint8Array[] = [];
  for await (const piece of pieces) {
    let rest = piece;
    while (rest.length > 0) {
      const [next] = waiting;
      const inside = next !== undefined && at >= next.offset;
      const stop = next === undefined ? at + rest.length : inside ? next.offset + next.size : next.offset;
      const some = rest.subarray(0, stop - at);
      rest = rest.subarray(some.length);
      at += some.length;
      if (!inside) yield some;
      else held.push(some);
      if (!inside || at < stop) continue;
      yield downgradedHeader(Buffer.concat(held));
      held = [];
      waiting.shift();
    }
  }
  yield* held; // the message ended before its header did
}

/** One header, with the empty line that may end it. */
export function downgradedHeader(block: Buffer): Buffer {
  if (isAscii(block) || !isUtf8(block)) return block;
  const fields = block.toString("utf8").split(/(?<=\n)(?![ \t])/);
  return Buffer.from(fields.map((field) => (isAscii(Buffer.from(field)) ? field : fieldOf(field))).join(""));
}

const addressed =
  /^(?:(?:resent-)?(?:from|sender|to|cc|bcc)|reply-to|return-path|disposition-notification-to)$/i;
const withParameters = /^content-(?:type|disposition)$/i;
/** Their syntax has no place for words. */
const strict =
  /^(?:(?:resent-)?(?:message-id|date)|in-reply-to|references|received|content-(?:id|location|transfer-encoding)|mime-version)$/i;

function fieldOf(field: string): string {
  const colon = field.indexOf(":");
  const end = /\r?\n$/.exec(field)?.[0] ?? "";
  const name = field.slice(0, Math.max(0, colon)).trimEnd();
  const value = field
    .slice(colon + 1)
    .replace(/\r?\n/g, "")
    .trim();
  if (!/^[!-9;-~]+$/.test(name)) return `${encodedWords(field.trim())}${end}`;
  if (addressed.test(name)) return `${name}: ${addressList(value)}${end}`;
  if (withParameters.test(name)) return `${name}: ${parameterList(value)}${end}`;
  if (strict.test(name)) return `Downgraded-${name}: ${encodedWords(value)}${end}`;
  return `${name}: ${encodedWords(value)}${end}`;
}

function addressList(value: string): string {
  let text = "";
  let open = false;
  for (const address of addresses(value)) {
    const between = text === "" ? "" : open ? " " : ",\r\n ";
    if (address.local === null) text += ";";
    else if (address.host === null) text += `${between}${phrase(address.local)}:`;
    else text += `${between}${mailbox(address)}`;
    open = address.host === null && address.local !== null;
  }
  return text;
}

function mailbox({ name, local, host }: EnvelopeAddress): string {
  const domain = host === null || host === "" ? "" : isPlain(host) ? host : domainToASCII(host);
  if (!isPlain(local ?? "") || (domain === "" && host !== "")) {
    const who = `${local}@${host}`;
    return `${phrase(name === null ? who : `${name} <${who}>`)}:;`;
  }
  const spec = domain === "" ? quoted(local ?? "") : `${quoted(local ?? "")}@${domain}`;
  return name === null ? spec : `${phrase(name)} <${spec}>`;
}

function parameterList(value: string): string {
  const { value: main, parameters } = valued(value);
  const words = parameters.map(([name, text]) =>
    isPlain(text)
      ? `${encodeURIComponent(name)}="${text.replace(/["\\]/g, "\\$&")}"`
      : `${encodeURIComponent(name)}*=utf-8''${percent(text)}`,
  );
  return [isPlain(main) ? main : "application/octet-stream", ...words].join(";\r\n ");
}

const isPlain = (text: string): boolean => /^[ -~]*$/.test(text);
const atoms = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:[ .][A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const dotAtom = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const inQuotes = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;

const quoted = (local: string): string => (dotAtom.test(local) ? local : inQuotes(local));

function phrase(text: string): string {
  if (!isPlain(text)) return encodedWords(text);
  return atoms.test(text) && !text.includes(".") ? text : inQuotes(text);
}

/** RFC 2231 §7: `attribute-char` is left as it is. */
const percent = (text: string): string =>
  [...Buffer.from(text)]
    .map((octet) => {
      const character = String.fromCharCode(octet);
      return /[A-Za-z0-9!#$&+.^_`{|}~-]/.test(character)
        ? character
        : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
