/**
 * xtext, the encoding of ENVID and ORCPT, and the addresses that ORCPT carries.
 *
 * Out:    decoded text that is printable: it can start no header line and end no reply, whatever was encoded.
 * Fails:  `undefined` for what is not well-formed or decodes to control characters.
 * Spec:   RFC 3461 §4 (xtext), §4.2 (ORCPT), §4.4 (ENVID); RFC 6533 §3 (the address type utf-8).
 */
import type { OriginalRecipient } from "../mail/envelope.ts";

const xtext = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;
const printable = /^[ -~]*$/;
/** RFC 6533 §3: xtext in which other characters may be written `\x{20AC}`, or stand for themselves. */
const utf8Text = /^(?:[!-*,-<>-[\]-~\u{a0}-\u{10ffff}]|\+[0-9A-F]{2}|\\x\{[0-9A-F]{2,6}\})*$/u;
const hexPair = /\+([0-9A-F]{2})/g;
const embedded = /\\x\{([0-9A-F]{2,6})\}/g;
const controls = /\p{Cc}|\p{Cs}|\u2028|\u2029/u;
/** RFC 3461 §4.2: `atom`, as registered: letters, digits and hyphens. */
const addressType = /^[A-Za-z0-9-]{1,32}$/;
const maxOrcpt = 500; // RFC 3461 §4.2

/** The decoded text, printable ASCII. */
export function decodeXtext(text: string): string | undefined {
  if (!xtext.test(text)) return undefined;
  const decoded = unhex(text);
  return printable.test(decoded) ? decoded : undefined;
}

/** `rfc822;user+40example.test` or `utf-8;…`. */
export function parseOrcpt(value: string): OriginalRecipient | undefined {
  const semicolon = value.indexOf(";");
  const type = value.slice(0, Math.max(semicolon, 0)).toLowerCase();
  if (value.length > maxOrcpt || !addressType.test(type)) return undefined;
  const text = value.slice(semicolon + 1);
  const address = type === "utf-8" ? decodeUtf8Address(text) : decodeXtext(text);
  return address === undefined || address === "" ? undefined : { type, address };
}

function decodeUtf8Address(text: string): string | undefined {
  if (!utf8Text.test(text)) return undefined;
  const codes = Array.from(text.matchAll(embedded), (m) => Number.parseInt(m[1] ?? "", 16));
  if (codes.some((code) => code > 0x10ffff)) return undefined;
  // Pairs first: what an embedded character decodes to is not decoded again.
  const decoded = unhex(text).replace(embedded, (_, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  );
  return controls.test(decoded) ? undefined : decoded;
}

const unhex = (text: string): string =>
  text.includes("+")
    ? text.replace(hexPair, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;
