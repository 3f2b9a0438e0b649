/**
 * DKIM signatures: the fields to put in front of a message.
 *
 * In:     the header section and the hash of the body; for whom, with which keys, when.
 * Out:    a `DKIM-Signature` field for each key, folded, CRLF-ended.
 * Spec:   RFC 6376 §3.5, §3.7, §5; RFC 8301 (SHA-256 only), RFC 8463 §3 (Ed25519 signs the hash).
 */
import { createHash, sign } from "node:crypto";
import { relaxedField } from "./canonical.ts";
import { nameOf } from "./header-section.ts";
import type { DkimKey } from "./keys.ts";

export interface SigningKey extends DkimKey {
  readonly selector: string;
}

export interface SigningOrder {
  /** In A-label form: `d=`. */
  readonly domain: string;
  readonly keys: readonly SigningKey[];
  /** ms since the epoch */
  readonly at: number;
  /** A message that we pass on is also sealed. */
  readonly seal?: { readonly results: string; readonly chain: "none" | "pass" | "fail" };
}

/**
 * What readers see and programs act upon. RFC 6376 §5.4.1. Trace fields and those that hops add are left alone.
 */
const signedNames: ReadonlySet<string> = new Set([
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "subject",
  "date",
  "message-id",
  "in-reply-to",
  "references",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
  "content-id",
  "content-description",
  "resent-date",
  "resent-from",
  "resent-to",
  "resent-cc",
  "resent-message-id",
  "list-id",
  "list-help",
  "list-unsubscribe",
  "list-unsubscribe-post",
  "list-subscribe",
  "list-post",
  "list-owner",
  "list-archive",
  "auto-submitted",
  "feedback-id",
  "cfbl-address",
  "cfbl-feedback-id",
]);

/** Signed once more than they occur, so that nobody can add one. RFC 6376 §8.15 */
const sealedNames = ["from", "to", "cc", "subject", "date", "reply-to", "message-id", "content-type"];

/** More fields than these make no ordinary message, and h= must stay within reason. */
const signedMax = 200;

/** The fields that a signature covers, in the order of `h=`: each name from the bottom up. RFC 6376 §5.4.2 */
export function coveredFields(fields: readonly string[]) {
  const covered = fields
    .filter((field) => signedNames.has(nameOf(field)))
    .toReversed()
    .slice(0, signedMax);
  return { names: [...covered.map(nameOf), ...sealedNames], lines: covered.map(relaxedField) };
}

export function signFields(
  fields: readonly string[],
  bodyHash: string,
  { domain, keys, at }: SigningOrder,
): Promise<readonly string[]> {
  const { names, lines } = coveredFields(fields);
  const data = lines.map((line) => `${line}\r\n`).join("");
  return Promise.all(
    keys.map(async (key) => {
      const unsigned = fieldWithout({ ...key, domain, at, names, bodyHash });
      const value = await signatureOf(key, `${data}${relaxedField(unsigned)}`);
      return `${unsigned}${foldBase64(value)}\r\n`;
    }),
  );
}

interface FieldParts {
  readonly algorithm: string;
  readonly domain: string;
  readonly selector: string;
  readonly at: number;
  readonly names: readonly string[];
  readonly bodyHash: string;
}

/** Everything up to `b=`; the white space that folds it does not count, since fields are relaxed. */
function fieldWithout({ algorithm, domain, selector, at, names, bodyHash }: FieldParts): string {
  const seconds = Math.floor(at / 1000);
  return [
    `DKIM-Signature: v=1; a=${algorithm}; c=relaxed/relaxed;`,
    ` d=${domain}; s=${selector}; t=${seconds};`,
    ` h=${foldNames(names)};`,
    ` bh=${bodyHash};`,
    " b=",
  ].join("\r\n");
}

const lineLength = 76;

export function foldNames(names: readonly string[]): string {
  let text = "";
  let column = 3;
  for (const [i, name] of names.entries()) {
    if (i > 0) {
      text += ":";
      column++;
      if (column + name.length > lineLength) {
        text += "\r\n  ";
        column = 2;
      }
    }
    text += name;
    column += name.length;
  }
  return text;
}

export const foldBase64 = (text: string): string => text.match(/.{1,72}/g)?.join("\r\n  ") ?? "";

/** RSA takes about a millisecond: on another thread. */
export function signatureOf({ algorithm, key }: DkimKey, text: string): Promise<string> {
  const data = Buffer.from(text, "latin1");
  if (algorithm === "ed25519-sha256")
    return Promise.resolve(sign(null, createHash("sha256").update(data).digest(), key).toString("base64"));
  return new Promise((resolve, reject) => {
    sign("sha256", data, key, (error, value) => (error ? reject(error) : resolve(value.toString("base64"))));
  });
}
