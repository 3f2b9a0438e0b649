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
import { isAscii } from "../../kit/ascii.ts";
import { Inflow, type Pausable, withoutLineEnd } from "../../kit/inflow.ts";

export type Line =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "fault"; readonly why: "tooLong" | "notText" }
  | { readonly kind: "ended" };

const highWater = 16_384;
const ended: Line = { kind: "ended" };
const tooLong: Line = { kind: "fault", why: "tooLong" };
const notText: Line = { kind: "fault", why: "notText" };

export class Input extends Inflow {
  /** What came so far of a line, octets as latin1. */
  #carry = "";
  #swallowing = false;

  constructor(socket: Pausable) {
    super(socket, highWater);
  }

  /** RFC 2595 §4: nothing said before TLS counts as said under it. */
  override clear(): void {
    super.clear();
    this.#carry = "";
    this.#swallowing = false;
  }

  /** The next line, if it is there. */
  line(limit: number): Line | undefined {
    while (this.ready) {
      const line = this.#read(limit);
      if (line) return line;
    }
    return this.hasEnded ? ended : undefined;
  }

  #read(limit: number): Line | undefined {
    const { octets, ended: whole } = this.peekLine();
    if (this.#swallowing || this.#carry.length + octets.length > limit) {
      this.#swallowing = true;
      this.#carry = "";
    } else this.#carry += octets.toString("latin1");
    this.take(octets.length);
    return whole ? this.#finish() : undefined;
  }

  #finish(): Line {
    const text = this.#carry;
    const swallowed = this.#swallowing;
    this.#carry = "";
    this.#swallowing = false;
    return swallowed ? tooLong : lineOf(withoutLineEnd(text));
  }
}

function lineOf(latin1: string): Line {
  if (latin1.includes("\0")) return notText;
  if (isAscii(latin1)) return { kind: "line", text: latin1 };
  const octets = Buffer.from(latin1, "latin1");
  return isUtf8(octets) ? { kind: "line", text: octets.toString() } : notText;
}
