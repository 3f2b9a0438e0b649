/**
 * DER, as much of it as a certificate needs to be written.
 *
 * Out:   encoded values; each function makes one tag.
 * Spec:  X.690 §8, §10.
 */
const tagged = (tag: number, ...content: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), length(body.length), body]);
};

/** The shortest form, as DER wants it. X.690 §10.1 */
function length(octets: number): Buffer {
  if (octets < 0x80) return Buffer.from([octets]);
  const digits = Buffer.from(octets.toString(16).padStart(octets > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.from([0x80 | digits.length]), digits]);
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => tagged(0x30, ...items);
export const set = (...items: readonly Uint8Array[]): Buffer => tagged(0x31, ...items);
export const boolean = (value: boolean): Buffer => tagged(0x01, Buffer.from([value ? 0xff : 0]));
export const octetString = (octets: Uint8Array): Buffer => tagged(0x04, octets);
export const utf8String = (text: string): Buffer => tagged(0x0c, Buffer.from(text));
/** A whole number of octets. */
export const bitString = (octets: Uint8Array): Buffer => tagged(0x03, Buffer.from([0]), octets);
/** `[n]` around encoded values. */
export const explicit = (n: number, ...items: readonly Uint8Array[]): Buffer => tagged(0xa0 | n, ...items);
/** `[n]` in place of a primitive type's own tag. */
export const implicit = (n: number, octets: Uint8Array): Buffer => tagged(0x80 | n, octets);

/** A number that is not negative, big-endian octets: without leading zeroes, but for one that keeps the sign. */
export function integer(octets: Uint8Array): Buffer {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const digits = octets.subarray(start);
  const negative = (digits[0] ?? 0) >= 0x80;
  return tagged(0x02, negative ? Buffer.from([0]) : Buffer.alloc(0), digits);
}

/** `1.2.840.…` X.690 §8.19 */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return tagged(0x06, Buffer.from(octets));
}

/** UTCTime until 2049, GeneralizedTime from then on. RFC 5280 §4.1.2.5 */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  return new Date(ms).getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2)))
    : tagged(0x18, Buffer.from(digits));
}
