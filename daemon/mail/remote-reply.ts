/**
 * Reads the replies of a remote SMTP or LMTP server.
 *
 * In:     octets from the connection, split anywhere.
 * Out:    whole replies in order: lines joined by `\n`, codes taken off, control characters replaced by a space.
 * Fails:  `ReplyGarbage` for what is not a reply: no code, codes that differ within one reply, too long, too many
 *         lines. A stranger decides what arrives here, so memory is bounded before anything is kept.
 * Spec:   RFC 5321 §4.2 (replies), §4.5.3.1.5 (512 octets a line; we are more patient), RFC 3463 §2, RFC 2034 §4.
 */
import { type Reply, reply } from "./reply.ts";

export const replyLimits = { lineOctets: 4096, lines: 128, octets: 65_536 } as const;

/** The server does not speak SMTP, or not any more. */
export class ReplyGarbage extends Error {
  override readonly name = "ReplyGarbage";
}

/** RFC 3463 §2: class "." subject "." detail; the class repeats the first digit of the reply code. */
const enhancedCode = /^([245]\.\d{1,3}\.\d{1,3})(?: +|$)/;
const control = /\p{Cc}/u;
const controls = /\p{Cc}/gu;

/** Takes the enhanced code off a line's text, when there is one and its class agrees with the reply's. RFC 2034 §4 */
function splitEnhanced(code: number, line: string): { readonly enhanced?: string; readonly text: string } {
  const found = enhancedCode.exec(line);
  const enhanced = found?.[1];
  if (!found || !enhanced || enhanced.charCodeAt(0) - 48 !== Math.trunc(code / 100)) return { text: line };
  return { enhanced, text: line.slice(found[0].length) };
}

const digit = (line: string, at: number): number => line.charCodeAt(at) - 48;

/** The code of a reply line, 200–599, or `undefined`. RFC 5321 §4.2.1 */
function codeOf(line: string): number | undefined {
  const [first, second, third] = [digit(line, 0), digit(line, 1), digit(line, 2)];
  const valid = first >= 2 && first <= 5 && second >= 0 && second <= 9 && third >= 0 && third <= 9;
  return valid ? first * 100 + second * 10 + third : undefined;
}

interface Open {
  readonly code: number;
  readonly lines: string[];
  enhanced: string | undefined;
  octets: number;
}

export class ReplyReader {
  /** A line whose end has not arrived. */
  #rest: Buffer | undefined;
  /** A multi-line reply whose last line has not arrived. */
  #open: Open | undefined;

  /** Something incomplete has been received. */
  get partial(): boolean {
    return this.#rest !== undefined || this.#open !== undefined;
  }

  /** Takes octets and hands over each reply that they complete. */
  push(chunk: Buffer, each: (reply: Reply) => void): void {
    const octets = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    const end = octets.lastIndexOf(10) + 1;
    this.#rest = end < octets.length ? octets.subarray(end) : undefined;
    if (this.#rest && this.#rest.length > replyLimits.lineOctets)
      throw new ReplyGarbage("reply line too long");
    const text = octets.toString("utf8", 0, end);
    for (let start = 0; start < text.length; ) {
      const stop = text.indexOf("\n", start);
      // A lone LF ends a reply line too: nothing can be smuggled in this direction.
      const line = text.slice(start, text.charCodeAt(stop - 1) === 13 ? stop - 1 : stop);
      start = stop + 1;
      const whole = this.#line(line);
      if (whole) each(whole);
    }
  }

  #line(line: string): Reply | undefined {
    if (line.length > replyLimits.lineOctets) throw new ReplyGarbage("reply line too long");
    const code = codeOf(line);
    const separator = line[3];
    // RFC 5321 §4.2: a client accepts a code without a space and without text.
    if (code === undefined || (separator !== undefined && separator !== " " && separator !== "-")) {
      throw new ReplyGarbage("reply without a code");
    }
    const open = this.#open;
    const raw = line.slice(4);
    const { enhanced, text } = splitEnhanced(code, control.test(raw) ? raw.replace(controls, " ") : raw);
    if (!open && separator !== "-") return reply(code, enhanced ?? `${line[0]}.0.0`, text);
    return this.#continue(
      open ?? { code, lines: [], enhanced, octets: 0 },
      code,
      enhanced,
      text,
      separator === "-",
    );
  }

  #continue(
    open: Open,
    code: number,
    enhanced: string | undefined,
    text: string,
    more: boolean,
  ): Reply | undefined {
    // Two codes in one reply might mean "taken" and "refused" at once: neither may be believed.
    if (open.code !== code) throw new ReplyGarbage("reply lines with different codes");
    open.lines.push(text);
    open.octets += text.length;
    open.enhanced ??= enhanced;
    if (open.lines.length > replyLimits.lines || open.octets > replyLimits.octets)
      throw new ReplyGarbage("reply too long");
    this.#open = more ? open : undefined;
    return more
      ? undefined
      : reply(code, open.enhanced ?? `${Math.trunc(code / 100)}.0.0`, open.lines.join("\n"));
  }
}
