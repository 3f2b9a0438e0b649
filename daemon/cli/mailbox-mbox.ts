/**
 * The messages of an mbox file, found by their "From " lines.
 *
 * A line that begins with `From ` is a separator at the beginning of the file and after an empty line. RFC 4155
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { flagsOfStatus, toCrlf } from "../mailbox/files.ts";
import type { Source } from "./mailbox-source.ts";

const LF = 10;
const FROM = Buffer.from("From ");
const HEAD_MAX = 64 << 10;

interface Separator {
  /** Where its line begins and where the message does. */
  readonly at: number;
  readonly begin: number;
}

export async function* mboxMessages(file: string): AsyncIterable<Source> {
  let last: Separator | undefined;
  let size = 0;
  const found: Separator[] = [];
  for await (const item of separators(file)) {
    if (typeof item === "number") size = item;
    else found.push(item);
  }
  for (const next of [...found, { at: size, begin: size }]) {
    if (last) yield await messageOf(file, last, next.at);
    last = next;
  }
}

async function messageOf(file: string, { at, begin }: Separator, end: number): Promise<Source> {
  const head = await textAt(file, at, Math.min(end, begin + HEAD_MAX));
  const [line = "", ...rest] = head.split(/\r?\n/);
  const letters = rest
    .slice(0, rest.indexOf("") < 0 ? undefined : rest.indexOf(""))
    .flatMap((field) => /^(?:X-)?Status:\s*(\w*)/i.exec(field)?.[1] ?? [])
    .join("");
  const stop = end - (await emptyLineBefore(file, begin, end));
  const octets = () =>
    stop <= begin ? nothing() : toCrlf(createReadStream(file, { start: begin, end: stop - 1 }), true);
  return { file: `${file}, octet ${at}`, flags: flagsOfStatus(letters), date: dateOf(line), octets };
}

async function* nothing(): AsyncIterable<Uint8Array> {}

/** `From sender date`; the time is UTC when nothing else is said. */
function dateOf(line: string): number {
  const text = /^From \S*\s+(.*)$/.exec(line)?.[1] ?? "";
  const zoned = /[+-]\d{4}|GMT|UTC/.test(text) ? text : `${text} UTC`;
  const date = Date.parse(zoned);
  return Number.isNaN(date) ? Date.now() : date;
}

/** The empty line before the next separator belongs to it. */
async function emptyLineBefore(file: string, begin: number, end: number): Promise<number> {
  const tail = await textAt(file, Math.max(begin, end - 4), end);
  if (tail.endsWith("\r\n\r\n") || tail === "\r\n") return 2;
  return tail.endsWith("\n\n") || tail === "\n" ? 1 : 0;
}

async function textAt(path: string, from: number, to: number): Promise<string> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.alloc(to - from);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Separators in order, then the size of the file. */
async function* separators(file: string): AsyncIterable<Separator | number> {
  let offset = 0; // of the line that `held` begins
  let afterEmpty = true;
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of createReadStream(file)) {
    const buffer = held.length > 0 ? Buffer.concat([held, piece as Buffer]) : (piece as Buffer);
    let at = 0;
    for (let lf = buffer.indexOf(LF); lf >= 0; lf = buffer.indexOf(LF, at)) {
      const length = lf + 1 - at;
      if (afterEmpty && buffer.subarray(at, at + FROM.length).equals(FROM))
        yield { at: offset, begin: offset + length };
      afterEmpty = length === 1 || (length === 2 && buffer[at] === 13);
      offset += length;
      at = lf + 1;
    }
    held = Buffer.from(buffer.subarray(at));
  }
  yield offset + held.length;
}
