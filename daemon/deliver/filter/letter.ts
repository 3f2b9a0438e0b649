/**
 * A message as a Sieve script sees it.
 *
 * In:     the header section, with the lines that this mailbox's copy begins with; the body, fetched when a script asks.
 * Out:    the port `SieveMessage`.
 * Limits: a message is looked at up to `letterOctets`; what lies beyond is as if it were not there.
 * Spec:   RFC 5228 §2.4.2.2 (field names in any case; encoded words decoded), RFC 5173 §5 (raw, text, content).
 */

import { decodeText } from "../../imap/text/charset.ts";
import { charsetOf, textParts } from "../../imap/text/message.ts";
import { decoder } from "../../imap/text/transfer.ts";
import { decodeWords } from "../../imap/text/words.ts";
import { addresses } from "../../mailbox/digest/addresses.ts";
import { digestOf } from "../../mailbox/digest/scan.ts";
import type { Part } from "../../mailbox/digest.ts";
import type { SubaddressOf } from "../../sieve/parts.ts";
import type { SieveMessage } from "../../sieve/run.ts";
import type { BodyTransform } from "../../sieve/script.ts";

/** As much of a message as scripts are shown. */
export const letterOctets = 1 << 20;

export interface LetterParts {
  /** The message's beginning, at least its header section; more when `whole` gives more. */
  readonly head: Buffer;
  /** The message up to `letterOctets`. */
  readonly whole: () => Promise<Buffer>;
  readonly size: number;
  readonly envelope: SieveMessage["envelope"];
  readonly mailboxExists: (name: string) => Promise<boolean>;
  readonly subaddress: SubaddressOf;
}

export class Letter implements SieveMessage {
  readonly #parts: LetterParts;
  readonly #fields: ReadonlyMap<string, readonly string[]>;
  #body: Promise<{ readonly octets: Buffer; readonly structure: Part }> | undefined;

  constructor(parts: LetterParts) {
    this.#parts = parts;
    this.#fields = fieldsOf(parts.head);
  }

  get size(): number {
    return this.#parts.size;
  }

  get envelope(): SieveMessage["envelope"] {
    return this.#parts.envelope;
  }

  get subaddress(): SubaddressOf {
    return this.#parts.subaddress;
  }

  header(name: string): readonly string[] {
    return (this.#fields.get(name) ?? []).map(decodeWords);
  }

  addresses(name: string): readonly string[] {
    return (this.#fields.get(name) ?? []).flatMap((value) =>
      addresses(value).flatMap(({ local, host }) =>
        host === null || local === null ? [] : [host === "" ? local : `${local}@${host}`],
      ),
    );
  }

  mailboxExists(name: string): Promise<boolean> {
    return this.#parts.mailboxExists(name);
  }

  async body(transform: BodyTransform): Promise<readonly string[]> {
    this.#body ??= this.#parts.whole().then((octets) => ({ octets, structure: digestOf(octets).structure }));
    const { octets, structure } = await this.#body;
    if (transform.kind === "raw") return [slice(octets, structure.body).toString("utf8")];
    const parts =
      transform.kind === "text" ? [...textParts(structure)] : [...wanted(structure, transform.types)];
    return parts.map((part) => textOf(octets, part));
  }
}

const slice = (octets: Buffer, { offset, size }: Part["body"]): Buffer =>
  octets.subarray(offset, offset + size);

/** Leaves whose type is asked for: "" every one, `text` a main type, `text/html` exactly one. */
function* wanted(part: Part, types: readonly string[]): Generator<Part> {
  if (part.parts.length > 0) for (const child of part.parts) yield* wanted(child, types);
  else if (types.some((type) => type === "" || type === part.type || type === `${part.type}/${part.subtype}`))
    yield part;
}

function textOf(octets: Buffer, part: Part): string {
  const undo = decoder(part.encoding) ?? decoder("binary");
  const body = slice(octets, part.body);
  const plain = undo ? Buffer.concat([undo.write(body), undo.end()]) : body;
  return part.type === "text" ? decodeText(plain, charsetOf(part)) : plain.toString("utf8");
}

const field = /^([\x21-\x39\x3b-\x7e]+)[ \t]*:((?:[^\n]|\n(?=[ \t]))*)(?:\n|$)/;
const mostFields = 1_000;

/** Unfolded, in order, by name in lower case; ends with the first line that is no field. */
function fieldsOf(head: Buffer): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let text = head.toString("utf8");
  for (let i = 0; i < mostFields; i++) {
    const match = field.exec(text);
    if (!match) break;
    const [whole, name = "", value = ""] = match;
    const values = found.get(name.toLowerCase()) ?? [];
    values.push(value.replace(/\r?\n/g, "").replace(/\r$/, "").trim());
    found.set(name.toLowerCase(), values);
    text = text.slice(whole.length);
  }
  return found;
}
