/**
 * A connection to a milter: packets out, answers in.
 *
 * In:     a connected stream; it is the line's to destroy.
 * Fails:  with the stream's error, the signal's reason, or `FilterFailed` when the filter hangs up or talks nonsense.
 * Memory: one packet each way; the filter is not read while nobody waits for it.
 */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { FilterFailed } from "../filter.ts";
import { type Answer, parseAnswer } from "./answers.ts";
import { type Frame, FrameReader } from "./frames.ts";

export class MilterLine implements Disposable {
  readonly #stream: Duplex;
  readonly #signal: AbortSignal;
  readonly #frames: AsyncIterator<Frame>;
  readonly #heard: () => void;
  readonly #onAbort: () => void;

  /** `heard` is called whenever something went on. */
  constructor(stream: Duplex, signal: AbortSignal, heard: () => void) {
    this.#stream = stream.on("error", () => {}); // told by the iterator
    this.#signal = signal;
    this.#heard = heard;
    this.#frames = framesOf(stream);
    this.#onAbort = () => stream.destroy(signal.reason as Error);
    signal.addEventListener("abort", this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
  }

  /** Resolves when more may be sent. */
  async send(packet: Uint8Array): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#stream.destroyed) throw new FilterFailed("it hung up");
    if (!this.#stream.write(packet)) await this.#drained();
    this.#heard();
  }

  async frame(): Promise<Frame> {
    const next = await this.#frames.next();
    this.#signal.throwIfAborted();
    if (next.done) throw new FilterFailed("it hung up");
    this.#heard();
    return next.value;
  }

  /** The next answer that says something; "I am still at it" only keeps the time from running out. */
  async answer(): Promise<Answer> {
    for (;;) {
      const answer = parseAnswer(await this.frame());
      if (answer.kind !== "progress") return answer;
    }
  }

  async #drained(): Promise<void> {
    const over = new AbortController();
    const { signal } = over;
    const stream = this.#stream;
    try {
      // A filter that has answered already may stop reading; then it hangs up.
      await Promise.race([once(stream, "drain", { signal }), once(stream, "close", { signal })]);
    } finally {
      over.abort();
    }
    this.#signal.throwIfAborted();
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#stream.destroy();
  }
}

async function* framesOf(stream: Duplex): AsyncGenerator<Frame> {
  const reader = new FrameReader();
  for await (const chunk of stream) yield* reader.push(chunk as Buffer);
}
