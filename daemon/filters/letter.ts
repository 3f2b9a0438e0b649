/**
 * A message taken apart as it is read: its fields, then its body as a stream.
 *
 * Memory: the header section, and a piece of the body.
 */
import { type HeaderSection, readHeaderSection } from "../mail/dkim/header-section.ts";

export interface Opened {
  /** As Latin-1 text with folding and line ends. */
  readonly fields: readonly string[];
  readonly body: AsyncIterable<Uint8Array>;
}

export async function opened(octets: AsyncIterable<Uint8Array>): Promise<Opened> {
  const parts = octets[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  for (;;) {
    const next = await parts.next();
    if (!next.done) head = Buffer.concat([head, next.value]);
    const section = readHeaderSection(head, !next.done);
    if (section === "unfinished") continue;
    // One without an end is all body: a filter sees it as it is.
    const { fields, bodyAt }: HeaderSection = section ?? { fields: [], bodyAt: 0 };
    return { fields, body: rest(head.subarray(bodyAt), parts) };
  }
}

async function* rest(first: Uint8Array, parts: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (let next = await parts.next(); !next.done; next = await parts.next()) yield next.value;
}
