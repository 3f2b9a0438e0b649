/**
 * How the records of a stream lie in a file: for each a line of JSON and its octets, in the order of the stream; in the end a
 * line with their number and the digest of everything before it, so that a file that was cut short or changed is not taken
 * for a copy.
 *
 * In:     records, one by one; a file for its owner alone. It gets its name when it is whole and durable.
 * Out:    the same records, one by one.
 * Fails:  `BrokenCopy` for a file that is not whole; the file system's errors.
 */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";

export interface SavedRecord {
  readonly subject: string;
  /** When it was stored, ms since the epoch. */
  readonly time: number;
  /** It ends so long after that, seconds. */
  readonly ttl?: number;
  readonly data: Uint8Array;
}

export class BrokenCopy extends Error {
  override readonly name = "BrokenCopy";
}

interface Head {
  readonly subject: string;
  readonly time: number;
  readonly ttl?: number;
  readonly octets: number;
}

interface End {
  readonly records: number;
  readonly sha256: string;
}

const LF = Buffer.from("\n");
const BUFFERED = 1 << 20;

/** Writes at once, and keeps who brings the records waiting: they come as fast as the disk takes them. */
export class ArchiveWriter implements Disposable {
  readonly #file: string;
  readonly #draft: string;
  readonly #digest = createHash("sha256");
  #fd: number | undefined;
  #waiting: Uint8Array[] = [];
  #octets = 0;
  records = 0;
  /** Of the file, so far. */
  size = 0;

  constructor(file: string) {
    this.#file = file;
    this.#draft = `${file}.part`;
    this.#fd = openSync(this.#draft, "w", 0o600);
  }

  add({ data, ...head }: SavedRecord): void {
    const line: Head = { ...head, octets: data.length };
    this.#put(Buffer.from(`${JSON.stringify(line)}\n`));
    // Who hears of a record may not keep its octets.
    if (data.length > 0) this.#put(data.slice());
    this.#put(LF);
    this.records++;
  }

  /** The file has its name then. */
  finish(): void {
    this.#flush();
    const end: End = { records: this.records, sha256: this.#digest.digest("hex") };
    const fd = this.#fd as number;
    writeSync(fd, `${JSON.stringify({ end })}\n`);
    fsyncSync(fd);
    closeSync(fd);
    this.#fd = undefined;
    renameSync(this.#draft, this.#file);
  }

  #put(octets: Uint8Array): void {
    this.#waiting.push(octets);
    this.#octets += octets.length;
    if (this.#octets >= BUFFERED) this.#flush();
  }

  #flush(): void {
    const octets = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#octets = 0;
    this.#digest.update(octets);
    this.size += octets.length;
    for (let at = 0; at < octets.length; ) at += writeSync(this.#fd as number, octets, at);
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(this.#draft, { force: true });
  }
}

/** Yields the end as well, checked: who wants to know that a file is whole reads on to there. */
export async function* readArchive(file: string): AsyncIterable<SavedRecord> {
  const digest = createHash("sha256");
  const reader = new Reader(createReadStream(file, { highWaterMark: BUFFERED }));
  let records = 0;
  for (;;) {
    const line = await reader.line();
    if (line === undefined) throw new BrokenCopy(`${file} is cut short: ${records} records and no end`);
    const { end, ...head } = parse(line, file);
    if (end) {
      if (end.records === records && end.sha256 === digest.digest("hex")) return;
      throw new BrokenCopy(`${file} is not what was written: its digest differs`);
    }
    const rest = await reader.octets(head.octets + 1);
    if (rest === undefined)
      throw new BrokenCopy(`${file} is cut short: ${records} records and a part of one`);
    digest.update(line).update(LF).update(rest);
    records++;
    const { octets, ...record } = head;
    yield { ...record, data: rest.subarray(0, octets) };
  }
}

function parse(line: Buffer, file: string): Head & { readonly end?: End } {
  try {
    const found = JSON.parse(line.toString("utf8")) as Head & { readonly end?: End };
    if (found.end || (Number.isSafeInteger(found.octets) && found.octets >= 0)) return found;
  } catch {
    // Said below.
  }
  throw new BrokenCopy(`${file} is no copy of a stream, or a damaged one`);
}

class Reader {
  readonly #chunks: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Without its end; `undefined`: there is none. */
  async line(): Promise<Buffer | undefined> {
    for (let from = 0; ; ) {
      const end = this.#buffer.indexOf(LF, from);
      if (end >= 0) {
        const line = this.#buffer.subarray(0, end);
        this.#buffer = this.#buffer.subarray(end + 1);
        return line;
      }
      from = this.#buffer.length;
      if (!(await this.#more())) return undefined;
    }
  }

  async octets(count: number): Promise<Buffer | undefined> {
    while (this.#buffer.length < count) if (!(await this.#more())) return undefined;
    const octets = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return octets;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done) return false;
    this.#buffer = Buffer.concat([this.#buffer, value]);
    return true;
  }
}
