/**
 * A message's text parts, decoded, for SEARCH, PREVIEW and BINARY.
 */

import { isUtf8 } from "node:buffer";
import type { Part } from "../../mailbox/digest.ts";
import type { Octets } from "../reading.ts";
import { type CharsetDecoder, textDecoder } from "./charset.ts";
import { decoder } from "./transfer.ts";

/** Parts that hold text, in order, those of nested messages too. */
export function* textParts(part: Part): Generator<Part, void, void> {
  if (part.message) yield* textParts(part.message.structure);
  else if (part.parts.length > 0) for (const child of part.parts) yield* textParts(child);
  else if (part.type === "text") yield part;
}

export const charsetOf = ({ parameters }: Part): string | undefined =>
  parameters.find(([name]) => name === "charset")?.[1].toLowerCase();

/** Whoever asks has a turn after so many octets, however large the pieces are that the store gives. */
const atOnce = 64 * 1024;

/** The part's octets without their transfer encoding; as they are when it is not known. */
export async function* decodedOctets(
  message: Octets,
  part: Part,
  most: number,
): AsyncGenerator<Buffer, void, void> {
  const range = { offset: part.body.offset, size: Math.min(part.body.size, most) };
  const undo = decoder(part.encoding) ?? decoder("binary");
  if (undo === undefined || range.size === 0) return;
  for await (const piece of message.read(range))
    for (let at = 0; at < piece.length; at += atOnce) {
      const some = piece.subarray(at, at + atOnce);
      yield undo.write(Buffer.from(some.buffer, some.byteOffset, some.byteLength));
    }
  yield undo.end();
}

export async function* decodedText(
  message: Octets,
  part: Part,
  most: number,
): AsyncGenerator<string, void, void> {
  const charset = charsetOf(part);
  let decode: CharsetDecoder | undefined;
  for await (const octets of decodedOctets(message, part, most)) {
    // Text that does not name its charset is UTF-8 if its beginning is.
    decode ??=
      charset === undefined && !isUtf8(octets) ? new TextDecoder("windows-1252") : textDecoder(charset);
    yield decode.decode(octets, { stream: true });
  }
  if (decode) yield decode.decode();
}
