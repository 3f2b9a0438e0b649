/**
 * Brings domains and addresses into the one form in which they are compared.
 *
 * In:     text that fits the patterns of the CRDs.
 * Out:    a domain in lower-case A-label form; an address with its local part in lower case too (in domains of ours
 *         upper and lower case are the same).
 * Fails:  `undefined` for what IDNA refuses, a name that ends in a number, and what is longer than mail allows.
 * Spec:   RFC 5890, RFC 5891 §4; RFC 5321 §4.5.3.1.1 (64 octets), RFC 1035 §2.3.4 (253 characters).
 */
import { domainToASCII } from "node:url";

const localPartOctets = 64;
const domainCharacters = 253;
/** C1 control characters and what follows ASCII up to the no-break space: no letters. RFC 6532 §3.1 */
const controls = /[\x80-\x9f]/;

export function canonicalDomain(text: string): string | undefined {
  const ascii = domainToASCII(text).toLowerCase(); // "" when a label is not valid
  if (ascii === "" || ascii.length > domainCharacters || /(?:^|\.)[0-9]+$/.test(ascii)) return undefined;
  return ascii;
}

export function canonicalAddress(text: string): string | undefined {
  const at = text.lastIndexOf("@");
  const local = text.slice(0, at).toLowerCase();
  const domain = canonicalDomain(text.slice(at + 1));
  if (at < 1 || domain === undefined || controls.test(local)) return undefined;
  return Buffer.byteLength(local) <= localPartOctets ? `${local}@${domain}` : undefined;
}

/** `*.example.org` or `example.org`, canonical. */
export function canonicalMatch(text: string): string | undefined {
  const suffix = text.startsWith("*.");
  const domain = canonicalDomain(suffix ? text.slice(2) : text);
  return domain === undefined ? undefined : suffix ? `*.${domain}` : domain;
}

export const domainPart = (address: string): string => address.slice(address.lastIndexOf("@") + 1);
export const localPart = (address: string): string => address.slice(0, address.lastIndexOf("@"));
