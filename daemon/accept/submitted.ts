/**
 * The header section of a message that a user submits: whom it says it is from, what must not travel on, what it asks
 * of us.
 *
 * In:     the whole section, with the empty line that ends it if there is one.
 * Out:    the section without Bcc and without what is meant for us alone; the text of Bcc fields; the authors.
 * Fails:  never; an author that is no address is given as `undefined`.
 * Spec:   RFC 5322 §3.6.2, §3.6.3 (Bcc), RFC 6409 §8; `X-Postfleet-Sent-Copy: yes` (or `no`) asks for a copy in Sent.
 */
import { type Address, parseAddress } from "../mail/address.ts";
import { addresses } from "../mailbox/digest/addresses.ts";

export interface Submitted {
  /** Every address in every From field. */
  readonly authors: readonly (Address | undefined)[];
  readonly octets: Buffer;
  /** Bcc fields as they were written, CRLF-ended; "" when there are none, or they are too long to be kept. */
  readonly bcc: string;
  readonly sentCopy: boolean | undefined;
}

/** It travels in the queue's record. */
const bccKept = 8 << 10;
/** A From field that is longer is no author: lists of addresses are read up to a bound, and whoever is beyond it is not seen. */
const fromRead = 1_000;
const lf = 10;
const interesting = /^(bcc|resent-bcc|from|x-postfleet-sent-copy)[ \t]*:/i;

export function readSubmitted(section: Buffer): Submitted {
  const kept: Buffer[] = [];
  const from: string[] = [];
  let bcc = "";
  let sentCopy: boolean | undefined;
  let rest = 0;
  for (const { at, end } of fields(section)) {
    const head = section.toString("latin1", at, Math.min(end, at + 100));
    const name = interesting.exec(head)?.[1]?.toLowerCase();
    if (name === undefined) continue;
    const text = section.toString("utf8", at, end);
    if (name === "from") {
      from.push(text);
      continue;
    }
    kept.push(section.subarray(rest, at));
    rest = end;
    if (name === "bcc") bcc += text;
    if (name === "x-postfleet-sent-copy") sentCopy = /^[^:]*:\s*(yes|true|1)\s*$/i.test(text);
  }
  kept.push(section.subarray(rest));
  return {
    authors: from.flatMap(authorsOf),
    octets: rest === 0 ? section : Buffer.concat(kept),
    bcc: Buffer.byteLength(bcc) > bccKept || (bcc !== "" && !bcc.endsWith("\r\n")) ? "" : bcc,
    sentCopy,
  };
}

/** Each field with its continuation lines. */
function* fields(section: Buffer): Generator<{ readonly at: number; readonly end: number }> {
  let at = 0;
  while (at < section.length) {
    let end = lineEnd(section, at);
    while (section[end] === 32 || section[end] === 9) end = lineEnd(section, end);
    yield { at, end };
    at = end;
  }
}

function lineEnd(section: Buffer, at: number): number {
  const end = section.indexOf(lf, at) + 1;
  return end === 0 ? section.length : end;
}

function authorsOf(field: string): (Address | undefined)[] {
  const value = field
    .slice(field.indexOf(":") + 1)
    .replace(/\r?\n(?=[ \t])/g, "")
    .trim();
  if (value.length > fromRead) return [undefined];
  const found = addresses(value).flatMap(({ local, host }) =>
    host === null ? [] : [parseAddress(`${local ?? ""}@${host}`)],
  );
  // Words that hold no address at all are an author too, whom nobody is.
  return found.length === 0 && value !== "" ? [undefined] : found;
}
