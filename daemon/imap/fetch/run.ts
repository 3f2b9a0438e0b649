/**
 * One FETCH: tells the items of messages, in order.
 *
 * Work goes in groups: one request for the digests of many messages, one change of flags for all that are read, and
 * the octets of a few messages are under way while the first is told. It pauses while the client does not read, and
 * gives other sessions their turn.
 */

import { Gone } from "../../kit/output.ts";
import type { Digest } from "../../mailbox/digest.ts";
import type { Uid } from "../../mailbox/store.ts";
import type { Message } from "../../mailbox/view.ts";
import { Ahead } from "../ahead.ts";
import type { FetchItem } from "../command/fetch-items.ts";
import type { Selected } from "../folder/selected.ts";
import { Pace } from "../pace.ts";
import { type Octets, octetsOf } from "../reading.ts";
import { speaksUtf8, type Talk } from "../talk.ts";
import { preview } from "../text/preview.ts";
import { string } from "../wire/encode.ts";
import { type Loaded, load, type OctetItem, type Source } from "./load.ts";
import { needsDigest, render } from "./render.ts";
import { isWhole } from "./sections.ts";

const group = 256;
/** However large the pieces of the store are, so much is handed to the socket before it is asked for room. */
const atOnce = 65_536;
/** The digests of one group are under way while the one before is told. */
const groupsAhead = { count: 2, weight: 2 };

export class FetchRun {
  readonly #talk: Talk;
  readonly #folder: Selected;
  readonly #items: readonly FetchItem[];
  readonly #utf8: boolean;
  readonly #digests: boolean;
  /** Nothing is asked for but headers of messages, which the digests of large ones have. */
  readonly #headers: boolean;
  /** Whole messages are asked for. */
  readonly #wholes: boolean;
  readonly #marks: boolean;
  readonly #reads: boolean;
  /** Messages whose \Seen this FETCH has set: their FLAGS are told. */
  readonly #marked = new Set<number>();
  #missed = false;

  constructor(talk: Talk, folder: Selected, items: readonly FetchItem[]) {
    this.#talk = talk;
    this.#folder = folder;
    this.#items = items;
    this.#utf8 = speaksUtf8(talk);
    this.#digests = items.some(wantsDigest);
    this.#reads = items.some(wantsOctets);
    this.#headers = items.every((item) => !wantsOctets(item) || isHeader(item));
    this.#wholes = items.some((item) => item.kind === "section" && isWhole(item.section));
    this.#marks = !folder.readOnly && items.some((item) => "marks" in item && item.marks);
  }

  /** `missed`: some messages were removed before they could be read. */
  async tell(places: readonly number[]): Promise<{ missed: boolean }> {
    const pace = new Pace(this.#talk.clock);
    const groups: (readonly number[])[] = [];
    for (let at = 0; at < places.length; at += group) groups.push(places.slice(at, at + group));
    const digests = new Ahead(
      groups,
      (some) => this.#digestsOf(some),
      () => 1,
      groupsAhead,
    );
    for (const some of groups) {
      const known = (await digests.next()) ?? [];
      if (this.#marks) await this.#mark(some);
      if (this.#reads) await this.#tellReading(some, known, pace);
      else await this.#tellKnown(some, known, pace);
    }
    return { missed: this.#missed };
  }

  async #digestsOf(places: readonly number[]): Promise<readonly (Digest | undefined)[]> {
    if (!this.#digests) return [];
    const messages = places.map((index) => this.#folder.at(index));
    return this.#folder.view.digests(messages, this.#talk.signal);
  }

  async #mark(places: readonly number[]): Promise<void> {
    const uids: Uid[] = [];
    for (const index of places) {
      const { flags, uid } = this.#folder.at(index);
      if (!flags.includes("\\Seen")) uids.push(uid);
    }
    if (uids.length === 0) return;
    const order = { uids, how: "add", flags: ["\\Seen"] } as const;
    const { messages } = await this.#folder.view.store(order, this.#talk.signal);
    for (const message of messages) {
      this.#marked.add(message.uid);
      this.#folder.told(message);
    }
  }

  async #tellKnown(
    places: readonly number[],
    digests: readonly (Digest | undefined)[],
    pace: Pace,
  ): Promise<void> {
    const { out } = this.#talk;
    for (const [i, index] of places.entries()) {
      const message = this.#folder.at(index);
      let text = `* ${index + 1} FETCH (`;
      let first = true;
      for (const item of this.#items) {
        if (item.kind !== "simple") continue;
        text += first ? "" : " ";
        text += render(item.name, message, digests[i], this.#utf8);
        first = false;
      }
      out.text(`${text})\r\n`);
      if (out.full) await out.room();
      if (pace.due) await pace.rest();
    }
  }

  async #tellReading(
    places: readonly number[],
    digests: readonly (Digest | undefined)[],
    pace: Pace,
  ): Promise<void> {
    const messages = places.map((index) => this.#folder.at(index));
    let next = 0;
    const known = await this.#known(places, digests);
    for await (const page of octetsOf(this.#folder.view, messages, this.#talk.signal, known))
      for (const octets of page) {
        const source = { message: messages[next] as Message, digest: digests[next], octets };
        const loaded = await this.#load(source);
        if (loaded === "gone") this.#missed = true;
        else await this.#write(places[next] as number, digests[next], loaded);
        next++;
        if (pace.due) await pace.rest();
      }
  }

  /** Octets that are here already: headers beside digests, or a message that was read ahead. */
  async #known(
    places: readonly number[],
    digests: readonly (Digest | undefined)[],
  ): Promise<readonly (Buffer | undefined)[]> {
    if (this.#headers) return digests.map((digest) => digest?.header);
    const [only] = places;
    if (places.length !== 1 || only === undefined || !this.#wholes) return [];
    return [await this.#folder.ahead.take(only, this.#talk.signal)];
  }

  /** What was loaded for each item that needs octets, in their order; `gone`: the message is not there any more. */
  async #load(source: Source): Promise<readonly (Loaded | string)[] | "gone"> {
    const loaded: (Loaded | string)[] = [];
    try {
      for (const item of this.#items) {
        if (isOctetItem(item)) {
          const found = load(source, item);
          loaded.push(found instanceof Promise ? await found : found);
        } else if (isPreview(item))
          loaded.push(source.digest ? await preview(source.octets, source.digest) : "");
      }
    } catch (error) {
      // A message that was removed meanwhile may be unreadable; that is no fault of the store.
      if (this.#folder.view.message(source.message.uid) !== undefined) throw error;
      return "gone";
    }
    return loaded;
  }

  async #write(
    index: number,
    digest: Digest | undefined,
    loaded: readonly (Loaded | string)[],
  ): Promise<void> {
    const { out } = this.#talk;
    const message = this.#folder.at(index);
    let text = `* ${index + 1} FETCH (`;
    let next = 0;
    let flags = false;
    for (const [i, item] of this.#items.entries()) {
      if (i > 0) text += " ";
      if (isOctetItem(item)) {
        out.text(`${text}${item.label} `);
        await this.#value(loaded[next++] as Loaded);
        text = "";
      } else if (isPreview(item)) text += `PREVIEW ${string(loaded[next++] as string, this.#utf8)}`;
      else if (item.kind === "simple") {
        flags ||= item.name === "FLAGS";
        text += render(item.name, message, digest, this.#utf8);
      }
    }
    if (!flags && this.#marked.has(message.uid)) text += ` FLAGS (${message.flags.join(" ")})`;
    out.text(`${text})\r\n`);
    if (out.full) await out.room();
  }

  async #value(value: Loaded): Promise<void> {
    const { out } = this.#talk;
    if (value.kind === "nil") return out.text("NIL");
    if (value.kind === "size") return out.text(`${value.size}`);
    const size = value.kind === "stream" ? value.size : value.octets.length;
    out.text(`${value.binary ? "~" : ""}{${size}}\r\n`);
    if (value.kind === "octets") out.octets(value.octets);
    else await this.#stream(value.pieces(), size);
  }

  /** Once its size is told there is no way back: a stream that ends early ends the connection. */
  async #stream(pieces: ReturnType<Octets["read"]>, size: number): Promise<void> {
    const { out, log, signal } = this.#talk;
    let left = size;
    try {
      for await (const piece of pieces) {
        left -= piece.length;
        for (let at = 0; at < piece.length; at += atOnce) {
          out.octets(piece.subarray(at, at + atOnce));
          if (out.full) await out.room();
        }
      }
      if (left === 0) return;
      log.error({ left, size }, "a message is shorter than its record says");
    } catch (error) {
      if (!signal.aborted) log.warn({ error: String(error) }, "a message could not be read to its end");
    }
    throw new Gone();
  }
}

const isOctetItem = (item: FetchItem): item is OctetItem =>
  item.kind === "section" || item.kind === "binary" || item.kind === "binarySize";

const isPreview = (item: FetchItem): boolean =>
  item.kind === "lazyPreview" || (item.kind === "simple" && item.name === "PREVIEW");

const isHeader = (item: FetchItem): boolean =>
  item.kind === "section" && item.section.part.length === 0 && item.section.text.startsWith("HEADER");

const wantsOctets = (item: FetchItem): boolean => isOctetItem(item) || isPreview(item);

function wantsDigest(item: FetchItem): boolean {
  if (item.kind === "simple") return needsDigest.has(item.name);
  return item.kind !== "section" || !isWhole(item.section);
}
