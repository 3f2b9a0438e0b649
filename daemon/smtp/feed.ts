/**
 * Feeds what the client sends to the dialogue, one unit at a time: a line, a piece of a message, the end of one.
 *
 * In:     chunks from `Input`, split anywhere; the dialogue says what the next octets are.
 * Out:    calls to the dialogue; a promise where it must be waited for before the next unit.
 */

import { whenKnown } from "./desk.ts";
import type { Dialogue } from "./dialogue.ts";
import { DotReader } from "./dots.ts";
import type { Input } from "./input.ts";
import type { SmtpLimits } from "./limits.ts";
import { LineReader } from "./lines.ts";
import type { Later } from "./mailroom.ts";

type Mode = "lines" | "login" | "message" | "chunk";

export class Feed {
  mode: Mode = "lines";
  /** Units that were complete so far: commands, messages, chunks. Octets that complete none are no progress. */
  units = 0;
  readonly #input: Input;
  readonly #lines: LineReader;
  readonly #dots = new DotReader();
  /** Octets of the chunk that are still to come. */
  #left = 0;

  constructor(input: Input, limits: SmtpLimits) {
    this.#input = input;
    this.#lines = new LineReader(limits);
  }

  /** There is something to do without hearing from the client. */
  get ready(): boolean {
    return this.#input.chunk !== undefined || (this.mode === "chunk" && this.#left === 0);
  }

  get inMessage(): boolean {
    return this.mode === "message" || this.mode === "chunk";
  }

  expectChunk(octets: number): void {
    this.mode = "chunk";
    this.#left = octets;
  }

  step(dialogue: Dialogue): Later<void> {
    const { chunk, at } = this.#input;
    if (this.mode === "chunk") return this.#chunk(dialogue, chunk, at);
    if (chunk === undefined) return;
    if (this.mode === "message") return this.#message(dialogue, chunk, at);
    const lines = this.#lines;
    this.#input.advance(lines.read(chunk, at, this.mode === "login"));
    if (lines.line === undefined && lines.fault === undefined) return;
    this.units++;
    return lines.line === undefined
      ? dialogue.lineFault(lines.fault ?? "notUtf8")
      : dialogue.line(lines.line);
  }

  #chunk(dialogue: Dialogue, chunk: Buffer | undefined, at: number): Later<void> {
    const end = chunk === undefined ? at : Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    const last = this.#left === 0;
    if (last) this.mode = "lines";
    if (chunk === undefined || end === at) return this.#endOfChunk(dialogue);
    const whole = at === 0 && end === chunk.length;
    const later = dialogue.transaction.octets(whole ? chunk : chunk.subarray(at, end));
    this.#input.advance(end);
    return last ? whenKnown(later, () => this.#endOfChunk(dialogue)) : later;
  }

  #endOfChunk(dialogue: Dialogue): Later<void> {
    this.units++;
    return dialogue.transaction.endOfChunk();
  }

  #message(dialogue: Dialogue, chunk: Buffer, at: number): Later<void> {
    this.#input.advance(this.#dots.read(chunk, at));
    if (this.#dots.ended) this.mode = "lines";
    return this.#pieces(dialogue, 0);
  }

  #pieces(dialogue: Dialogue, first: number): Later<void> {
    const { pieces } = this.#dots;
    for (let i = first; i < pieces.length; i++) {
      const piece = pieces[i];
      const later = piece && dialogue.transaction.octets(piece);
      if (later instanceof Promise) return later.then(() => this.#pieces(dialogue, i + 1));
    }
    if (!this.#dots.ended) return;
    this.units++;
    return dialogue.transaction.endOfMessage();
  }
}
