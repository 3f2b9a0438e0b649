/**
 * Fields that a filter wants to add, made harmless.
 *
 * In:     names and values as a filter gave them.
 * Out:    whole fields, folded, CRLF-ended, printable ASCII, with no line beyond what mail may have.
 * Fails:  a field that may stand only once, that describes the body, or that is ours to write is dropped; so is what goes
 *         beyond the limits.
 * Spec:   RFC 5322 §2.1.1 (line length), §2.2 (fields), §3.6 (fields that occur once).
 */
export const fieldLimits = { count: 50, octets: 8 << 10, line: 990 } as const;

/** A second one of these would mean something else to every reader, or lead our own road astray. */
const notToAdd =
  /^(from|sender|reply-to|to|cc|bcc|subject|date|message-id|in-reply-to|references|mime-version|content-.*|return-path|received|delivered-to|x-postfleet-.*)$/i;
const nameShape = /^[!-9;-~]{1,76}$/;

export class Fields {
  readonly #fields: string[] = [];
  #octets = 0;
  /** Fields that were not added. */
  dropped = 0;

  get all(): readonly string[] {
    return this.#fields;
  }

  add(name: string, value: string): void {
    const field = cleanField(name, value);
    const fits =
      field !== undefined &&
      this.#fields.length < fieldLimits.count &&
      this.#octets + field.length <= fieldLimits.octets;
    if (!fits) {
      this.dropped++;
      return;
    }
    this.#fields.push(field);
    this.#octets += field.length;
  }
}

function cleanField(name: string, value: string): string | undefined {
  if (!nameShape.test(name) || notToAdd.test(name)) return undefined;
  const room = fieldLimits.line - name.length - 2;
  const [first = "", ...more] = value
    .slice(0, fieldLimits.octets)
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(/[^\t -~]/g, "?").trimEnd())
    .filter((line, i) => i === 0 || line.trim() !== "")
    .map((line) => line.slice(0, room));
  // What follows a line end goes on with the field: nothing that a filter says begins another one.
  const folded = more.map((line) => `\r\n${/^[ \t]/.test(line) ? "" : "\t"}${line}`);
  return `${name}: ${first.trimStart()}${folded.join("")}\r\n`;
}

/** A field's name in lower case, and its value on one line. */
export function partsOf(field: string): { readonly name: string; readonly value: string } {
  const colon = field.indexOf(":");
  const value = field
    .slice(colon + 1)
    .replace(/\r\n/g, "")
    .trim();
  return { name: field.slice(0, colon).toLowerCase(), value };
}
