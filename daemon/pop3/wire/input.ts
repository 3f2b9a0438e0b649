/**
 * Command lines out of chunks that are split anywhere.
 *
 * In:     chunks as they are pushed.
 * Out:    one line at a time, without its line end. A lone LF ends a line too: people type POP3 by hand.
 * Fails:  a line beyond its limit, or with a NUL or octets that are no UTF-8, is taken as a whole and told as `fault`.
 * Limits: once 16 KiB wait, the socket is paused until somebody takes them: memory stays flat.
 * Spec:   RFC 1939 §3, RFC 2449 §4, RFC 6856 §2.
 */
import { isUtf8 } from "node:buffer";
import { isAscii } from "../../mail/address.ts";
import type { Pop3Socket } from "./socket.ts";

export type Line =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "fault"; readonly why: "tooLong" | "notText" }
  | { readonly kind: "ended" };

const LF = 10;
const CR = 13;
const highWater = 16_384;
const ended: Line = { kind: "ended" };
const tooLong: Line = { kind: "fault", why: "tooLong" };
const notText: Line = { kind: "fault", why: "notText" };

export class Input {
  readonly #socket: Pick<Pop3Socket, "pause" | "resume">;
  #chunks: Buffer[] = [];
  #at = 0;
  #octets = 0;
  #paused = false;
  #ended = false;
  #wake: (() => void) | undefined;
  /** What came so far of a line, octets as latin1. */
  #carry = "";
  #swallowing = false;

  constructor(socket: Pick<Pop3Socket, "pause" | "resume">) {
    this.#socket = socket;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#octets += chunk.length;
    if (this.#octets >= highWater && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
    this.#notify();
  }

  /** Nothing more will come; what waits can still be taken. */
  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** Forgets what waits. RFC 2595 §4: nothing said before TLS counts as said under it. */
  clear(): void {
    this.#chunks = [];
    this.#at = 0;
    this.#octets = 0;
    this.#carry = "";
    this.#swallowing = false;
    this.#relax();
  }

  /** The next line, if it is there. */
  take(limit: number): Line | undefined {
    while (this.#octets > 0) {
      const line = this.#read(limit);
      if (line) return line;
    }
    return this.#ended ? ended : undefined;
  }

  /** Resolves when something came, or nothing will come any more. One may wait at a time. */
  more(): Promise<void> {
    if (this.#octets > 0 || this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #read(limit: number): Line | undefined {
    const chunk = this.#chunks[0] as Buffer;
    const lf = chunk.indexOf(LF, this.#at);
    const end = lf === -1 ? chunk.length : lf + 1;
    if (this.#swallowing || this.#carry.length + end - this.#at > limit) {
      this.#swallowing = true;
      this.#carry = "";
    } else this.#carry += chunk.toString("latin1", this.#at, end);
    this.#took(end - this.#at);
    return lf === -1 ? undefined : this.#finish();
  }

  #finish(): Line {
    const text = this.#carry;
    const swallowed = this.#swallowing;
    this.#carry = "";
    this.#swallowing = false;
    return swallowed ? tooLong : lineOf(text.slice(0, text.charCodeAt(text.length - 2) === CR ? -2 : -1));
  }

  #took(count: number): void {
    this.#octets -= count;
    this.#at += count;
    if (this.#at === this.#chunks[0]?.length) {
      this.#chunks.shift();
      this.#at = 0;
    }
    if (this.#octets < highWater / 2) this.#relax();
  }

  #relax(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function lineOf(latin1: string): Line {
  if (latin1.includes("\0")) return notText;
  if (isAscii(latin1)) return { kind: "line", text: latin1 };
  const octets = Buffer.from(latin1, "latin1");
  return isUtf8(octets) ? { kind: "line", text: octets.toString() } : notText;
}
