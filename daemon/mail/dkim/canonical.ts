/**
 * Relaxed canonicalization of a header field: what of it is signed, whatever hops do to its white space.
 *
 * In:     the field as it lies in the message.
 * Out:    one line without its end.
 * Spec:   RFC 6376 §3.4.2; of bodies: `body-hash.ts`.
 */

/** `Subject:  a \r\n b\r\n` → `subject:a b`. `field` is Latin-1 text, so that octets stay octets. */
export function relaxedField(field: string): string {
  const colon = field.indexOf(":");
  const name = field.slice(0, colon).trimEnd().toLowerCase();
  const value = field
    .slice(colon + 1)
    .replace(/\r\n/g, "")
    .replace(/[ \t]+/g, " ")
    .replace(/^ | $/g, "");
  return `${name}:${value}`;
}
