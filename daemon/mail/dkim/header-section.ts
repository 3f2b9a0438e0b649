/**
 * The header section of a message, taken apart into fields.
 *
 * In:     the message's first octets.
 * Out:    fields as Latin-1 text with their folding and line ends, so that octets stay octets; where the body begins.
 * Fails:  `undefined` when the section does not end within the limit: such a message is not signed.
 * Spec:   RFC 5322 §2.2. What is no field (an envelope line on top) is left out.
 */
const headerSectionLimit = 256 << 10;

export interface HeaderSection {
  readonly fields: readonly string[];
  readonly bodyAt: number;
}

/** `more`: the message goes on behind these octets, so the end of the section may be yet to come. */
export function readHeaderSection(
  octets: Uint8Array,
  more: boolean,
): HeaderSection | undefined | "unfinished" {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  if (buffer[0] === 13 && buffer[1] === 10) return { fields: [], bodyAt: 2 };
  const end = buffer.indexOf("\r\n\r\n", 0, "latin1");
  if (end >= 0 && end <= headerSectionLimit)
    return { fields: fieldsOf(buffer.toString("latin1", 0, end + 2)), bodyAt: end + 4 };
  if (end >= 0 || buffer.length > headerSectionLimit) return undefined;
  if (more) return "unfinished";
  return { fields: fieldsOf(buffer.toString("latin1")), bodyAt: buffer.length };
}

function fieldsOf(text: string): readonly string[] {
  // Cut where a line begins with something else than white space.
  return text.split(/(?<=\n)(?=[^ \t])/).filter((field) => /^[!-9;-~]+[ \t]*:/.test(field));
}

export const nameOf = (field: string): string => field.slice(0, field.indexOf(":")).trimEnd().toLowerCase();
