/**
 * Mail addresses as they travel in an envelope.
 *
 * In:     text from a command, a resource or a header.
 * Out:    branded values: `Domain` is lower-case and in A-label form; an `Address` keeps the local part exactly as it
 *         was written, case included (RFC 5321 §2.4: only the final host may interpret it), apart from quotes that
 *         are not needed (`"bob"@x` is `bob@x`, RFC 5321 §4.1.2: minimum quoting); its domain is a `Domain`.
 * Fails:  parsers return `undefined`; the caller knows the words for the reply.
 * Spec:   RFC 5321 §4.1.2, §4.1.3, §4.5.3.1; RFC 6531 §3.3; RFC 5890.
 */

import { domainToASCII } from "node:url";
import ipaddr from "ipaddr.js";
import { isAscii } from "../kit/ascii.ts";
import type { Branded } from "../kit/brand.ts";

/** A domain name in lower-case A-label form, or an address literal such as `[192.0.2.1]`. */
export type Domain = Branded<string, "Domain">;

/** `local-part@domain`, local part as written, domain as `Domain`. */
export type Address = Branded<string, "Address">;

/** `""` is the null sender `<>`. RFC 5321 §4.5.5 */
export type ReversePath = Address | "";

const localPartOctets = 64; // RFC 5321 §4.5.3.1.1
const domainOctets = 255; //   RFC 5321 §4.5.3.1.2

/** Labels of letters, digits and inner hyphens; the underscore is tolerated, since the DNS carries it. */
const nameShape = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** `192.0.2.1` without brackets is an address, not a name, whatever the grammar says. */
const endsInNumber = /(?:^|\.)[0-9]+$/;
/** ASCII that no domain name holds: `domainToASCII` would percent-decode or cut at some of it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const notInName = /[\x00-\x2c/\x3a-\x40\x5b-\x5e`\x7b-\x7f]/;
const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u{a0}-\\u{10ffff}-]+";
const dotString = new RegExp(`^${atom}(?:\\.${atom})*$`, "u");
/** RFC 5321 §4.1.2 QcontentSMTP, with RFC 6531 §3.3 text; neither holds control characters. */
const quotedString = /^"(?:[ !#-[\]-~\u{a0}-\u{10ffff}]|\\[ -~])*"$/u;
/** RFC 5321 §4.1.1.3: `@one,@two:` before the mailbox; it is read past and ignored. */
const sourceRoute = /^@[^\s,:@<>"]+(?:,@[^\s,:@<>"]+)*:/;
const decimalQuad = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** A domain name in any case or script. No address literal, no trailing dot. */
export function parseDomain(text: string): Domain | undefined {
  if (text.length === 0 || text.length > domainOctets) return undefined;
  let name = text.toLowerCase();
  if (!isAscii(name) || name.includes("xn--")) {
    if (notInName.test(text)) return undefined;
    name = domainToASCII(text); // "" when a label is not valid (RFC 5891 §4)
    if (name.length > domainOctets) return undefined;
  }
  return nameShape.test(name) && !endsInNumber.test(name) ? (name as Domain) : undefined;
}

/** `[192.0.2.1]` or `[IPv6:2001:db8::1]`, in the canonical form of RFC 5952. RFC 5321 §4.1.3 */
export function parseLiteral(text: string): Domain | undefined {
  if (!text.startsWith("[") || !text.endsWith("]") || text.length > 64) return undefined;
  const inner = text.slice(1, -1);
  if (decimalQuad.test(inner)) return text as Domain;
  const six = /^IPv6:([0-9a-f:.]+)$/i.exec(inner)?.[1];
  if (six === undefined || !ipaddr.IPv6.isValid(six)) return undefined;
  return `[IPv6:${ipaddr.IPv6.parse(six).toRFC5952String()}]` as Domain;
}

/** `local-part@domain`; the domain may be an address literal. */
export function parseAddress(text: string): Address | undefined {
  const at = text.lastIndexOf("@");
  if (at < 1) return undefined;
  const local = parseLocalPart(text.slice(0, at));
  if (local === undefined) return undefined;
  const host = text.slice(at + 1);
  const domain = host.startsWith("[") ? parseLiteral(host) : parseDomain(host);
  return domain === undefined ? undefined : (`${local}@${domain}` as Address);
}

/** What stands between `<` and `>` in MAIL: a mailbox, perhaps after a source route, or nothing. RFC 5321 §4.1.2 */
export function parseReversePath(inside: string): ReversePath | undefined {
  return inside === "" ? "" : parseAddress(withoutRoute(inside));
}

/** What stands between `<` and `>` in RCPT; `<postmaster>` needs no domain. RFC 5321 §4.1.1.3, §4.5.1 */
export function parseForwardPath(inside: string): Address | "postmaster" | undefined {
  return /^postmaster$/i.test(inside) ? "postmaster" : parseAddress(withoutRoute(inside));
}

/** The part after the last `@`, which no domain or literal contains. */
export const domainOf = (address: Address): Domain => address.slice(address.lastIndexOf("@") + 1) as Domain;

/** The local part as written (still quoted when it needs quotes). */
export const localPartOf = (address: Address): string => address.slice(0, address.lastIndexOf("@"));

const withoutRoute = (inside: string): string =>
  inside.startsWith("@") ? inside.replace(sourceRoute, "") : inside;

function parseLocalPart(text: string): string | undefined {
  if (text.length > 4 * localPartOctets || !text.isWellFormed()) return undefined;
  const local = text.startsWith('"') ? unquoted(text) : text;
  if (local === undefined || Buffer.byteLength(local) > localPartOctets) return undefined;
  return local.startsWith('"') || dotString.test(local) ? local : undefined;
}

/** A quoted local part in its minimum quoting, or `undefined` when it is not one. */
function unquoted(text: string): string | undefined {
  if (!quotedString.test(text)) return undefined;
  const content = text.slice(1, -1).replace(/\\(.)/gu, "$1");
  return dotString.test(content) ? content : `"${content.replace(/["\\]/g, "\\$&")}"`;
}
