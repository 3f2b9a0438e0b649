/**
 * What a server can do: the keywords of its EHLO or LHLO reply.
 *
 * In:     the reply; the first line is a greeting and says nothing.
 * Out:    the extensions that this client makes use of. Unknown keywords are ignored. RFC 5321 §4.1.1.1
 */
import type { Reply } from "../../mail/reply.ts";

export interface Extensions {
  /** The server understood EHLO (or LHLO). */
  readonly esmtp: boolean;
  readonly pipelining: boolean; //          RFC 2920
  readonly eightBitMime: boolean; //        RFC 6152
  readonly smtpUtf8: boolean; //            RFC 6531
  readonly dsn: boolean; //                 RFC 3461
  readonly startTls: boolean; //            RFC 3207
  readonly chunking: boolean; //            RFC 3030
  readonly requireTls: boolean; //          RFC 8689
  /** SIZE: `false` when not offered; `limit` 0 when no limit is told. RFC 1870 §4 */
  readonly size: false | { readonly limit: number };
  /** SASL mechanisms in upper case. RFC 4954 §3 */
  readonly auth: readonly string[];
  /** LIMITS: the most MAIL commands per connection and RCPT per transaction, 0 when not told. RFC 9422 */
  readonly mailMax: number;
  readonly rcptMax: number;
}

export const noExtensions: Extensions = Object.freeze({
  esmtp: false,
  pipelining: false,
  eightBitMime: false,
  smtpUtf8: false,
  dsn: false,
  startTls: false,
  chunking: false,
  requireTls: false,
  size: false,
  auth: [],
  mailMax: 0,
  rcptMax: 0,
});

/** A decimal number without sign, or 0: an unreadable limit counts as none. */
const whole = (text: string | undefined): number =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;

const limitOf = (words: readonly string[], name: string): number =>
  whole(words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1));

export function parseExtensions(ehlo: Reply): Extensions {
  const keywords = new Map<string, readonly string[]>();
  for (const line of ehlo.text.split("\n").slice(1)) {
    // `AUTH=LOGIN` is how servers older than RFC 2554 spelt it; some still say both.
    const [keyword = "", ...words] = line
      .trim()
      .toUpperCase()
      .replace(/^AUTH=/, "AUTH ")
      .split(/\s+/);
    keywords.set(keyword, [...(keywords.get(keyword) ?? []), ...words]);
  }
  const size = keywords.get("SIZE");
  const limits = keywords.get("LIMITS") ?? [];
  return Object.freeze({
    esmtp: true,
    pipelining: keywords.has("PIPELINING"),
    eightBitMime: keywords.has("8BITMIME"),
    smtpUtf8: keywords.has("SMTPUTF8"),
    dsn: keywords.has("DSN"),
    startTls: keywords.has("STARTTLS"),
    chunking: keywords.has("CHUNKING"),
    requireTls: keywords.has("REQUIRETLS"),
    size: size ? { limit: whole(size[0]) } : false,
    auth: [...new Set(keywords.get("AUTH") ?? [])],
    mailMax: limitOf(limits, "MAILMAX"),
    rcptMax: limitOf(limits, "RCPTMAX"),
  });
}
