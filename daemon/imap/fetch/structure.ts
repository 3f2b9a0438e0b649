/**
 * ENVELOPE, BODY and BODYSTRUCTURE from a message's digest.
 *
 * Spec:   RFC 9051 §7.5.2. Sender and Reply-To that are absent are shown as From. Where the digest stopped looking into
 *         nested messages, they are shown as plain attachments, which the grammar allows.
 */
import type { Digest, Envelope, EnvelopeAddress, Parameters, Part } from "../../mailbox/digest.ts";
import { string } from "../wire/encode.ts";

const nil = (text: string | null, utf8: boolean): string => (text === null ? "NIL" : string(text, utf8));

function address({ name, local, host }: EnvelopeAddress, utf8: boolean): string {
  return `(${nil(name, utf8)} NIL ${nil(local, utf8)} ${nil(host, utf8)})`;
}

function addresses(list: readonly EnvelopeAddress[], utf8: boolean): string {
  if (list.length === 0) return "NIL";
  let text = "(";
  for (const each of list) text += address(each, utf8);
  return `${text})`;
}

export function envelope(e: Envelope, utf8: boolean): string {
  const from = addresses(e.from, utf8);
  const sender = e.sender.length === 0 ? from : addresses(e.sender, utf8);
  const replyTo = e.replyTo.length === 0 ? from : addresses(e.replyTo, utf8);
  const others = `${addresses(e.to, utf8)} ${addresses(e.cc, utf8)} ${addresses(e.bcc, utf8)}`;
  const ids = `${nil(e.inReplyTo, utf8)} ${nil(e.messageId, utf8)}`;
  return `(${nil(e.date, utf8)} ${nil(e.subject, utf8)} ${from} ${sender} ${replyTo} ${others} ${ids})`;
}

export const bodyStructure = (digest: Digest, extended: boolean, utf8: boolean): string =>
  part(digest.structure, extended, utf8);

function part(p: Part, extended: boolean, utf8: boolean): string {
  return p.type === "multipart" && p.parts.length > 0
    ? multipart(p, extended, utf8)
    : single(p, extended, utf8);
}

function multipart(p: Part, extended: boolean, utf8: boolean): string {
  let text = "(";
  for (const child of p.parts) text += part(child, extended, utf8);
  text += ` ${word(p.subtype)}`;
  if (extended) text += ` ${parameters(p.parameters, utf8)} ${tail(p, utf8)}`;
  return `${text})`;
}

function single(p: Part, extended: boolean, utf8: boolean): string {
  const id = `${nil(p.id, utf8)} ${nil(p.description, utf8)} ${word(p.encoding)} ${p.body.size}`;
  // A multipart without parts, and a message that was not looked into, have no place in the grammar as such.
  const odd = p.type === "multipart" || (p.type === "message" && isRfc822(p) && p.message === null);
  const type = odd ? '"APPLICATION" "OCTET-STREAM"' : `${word(p.type)} ${word(p.subtype)}`;
  let text = `(${type} ${parameters(p.parameters, utf8)} ${id}`;
  if (p.message) text += ` ${nested(p.message, extended, utf8)} ${p.lines}`;
  else if (p.type === "text") text += ` ${p.lines}`;
  if (extended) text += ` ${nil(p.md5, utf8)} ${tail(p, utf8)}`;
  return `${text})`;
}

const isRfc822 = ({ subtype }: Part) => subtype === "rfc822" || subtype === "global";

const nested = (message: NonNullable<Part["message"]>, extended: boolean, utf8: boolean): string =>
  `${envelope(message.envelope, utf8)} ${part(message.structure, extended, utf8)}`;

/** Disposition, language, location. */
function tail(p: Part, utf8: boolean): string {
  const { disposition: d, language } = p;
  const disposition = d === null ? "NIL" : `(${string(d.type, utf8)} ${parameters(d.parameters, utf8)})`;
  return `${disposition} ${languages(language, utf8)} ${nil(p.location, utf8)}`;
}

function languages(list: readonly string[], utf8: boolean): string {
  const [first] = list;
  if (first === undefined) return "NIL";
  return list.length === 1 ? string(first, utf8) : `(${list.map((each) => string(each, utf8)).join(" ")})`;
}

function parameters(list: Parameters, utf8: boolean): string {
  if (list.length === 0) return "NIL";
  return `(${list.map(([name, value]) => `${word(name)} ${string(value, utf8)}`).join(" ")})`;
}

/** Old clients compare types in upper case only. */
const word = (text: string): string => string(text.toUpperCase(), false);
