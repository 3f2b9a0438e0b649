/**
 * ARC: whoever passes a message on writes down what it found of its origin, and seals that, so that the next one may
 * believe it although the way round has broken SPF.
 *
 * In:     the header section, the hash of the body, our results, and whether the chain so far is whole.
 * Out:    one ARC set, ready to be put in front, CRLF-ended; `""` where none may be made.
 * Fails:  never: a chain that has failed, is full, or has gaps is left as it is.
 * Spec:   RFC 8617 §4.1 (fields), §5.1 (sealing), §5.1.2 (what is not sealed); a= is rsa-sha256 (§4.1.3).
 */
import { relaxedField } from "../dkim/canonical.ts";
import { nameOf } from "../dkim/header-section.ts";
import { coveredFields, foldBase64, foldNames, type SigningKey, signatureOf } from "../dkim/sign.ts";
import { parseTags } from "../tags.ts";

export interface SealOrder {
  /** In A-label form. */
  readonly domain: string;
  /** RSA. */
  readonly key: SigningKey;
  /** ms since the epoch */
  readonly at: number;
  /** What stands behind `Authentication-Results:`, with our name. */
  readonly results: string;
  /** Of the chain that the message came with. */
  readonly chain: "none" | "pass" | "fail";
}

const setFields = ["arc-authentication-results", "arc-message-signature", "arc-seal"] as const;
/** RFC 8617 §4.2.1 */
const instanceMax = 50;

export async function arcSet(fields: readonly string[], bodyHash: string, order: SealOrder): Promise<string> {
  const sets = chainOf(fields);
  const whole = order.chain === (sets?.length === 0 ? "none" : "pass");
  if (sets === undefined || !whole || sets.length >= instanceMax) return "";
  const instance = sets.length + 1;
  const results = `ARC-Authentication-Results: i=${instance}; ${order.results.trim()}\r\n`;
  const signature = await messageSignature(fields, bodyHash, instance, order);
  const earlier = sets.flatMap((set) => set.map(relaxedField));
  const sealed = [...earlier, relaxedField(results), relaxedField(signature)];
  const open = [
    `ARC-Seal: i=${instance}; a=rsa-sha256; t=${seconds(order)}; cv=${order.chain};`,
    ` d=${order.domain}; s=${order.key.selector};`,
    " b=",
  ].join("\r\n");
  const value = await signatureOf(order.key, [...sealed, relaxedField(open)].join("\r\n"));
  return `${open}${foldBase64(value)}\r\n${signature}${results}`;
}

const seconds = ({ at }: SealOrder): number => Math.floor(at / 1000);

/** RFC 8617 §4.1.2: like a DKIM signature; ARC fields and results are no part of it. */
async function messageSignature(
  fields: readonly string[],
  bodyHash: string,
  instance: number,
  order: SealOrder,
): Promise<string> {
  const { names, lines } = coveredFields(fields);
  const open = [
    `ARC-Message-Signature: i=${instance}; a=rsa-sha256; c=relaxed/relaxed;`,
    ` d=${order.domain}; s=${order.key.selector}; t=${seconds(order)};`,
    ` h=${foldNames(names)};`,
    ` bh=${bodyHash};`,
    " b=",
  ].join("\r\n");
  const data = [...lines, relaxedField(open)].join("\r\n");
  return `${open}${foldBase64(await signatureOf(order.key, data))}\r\n`;
}

/** The sets in order, each in the order in which it is sealed; `undefined`: they do not make a chain. */
function chainOf(fields: readonly string[]): readonly (readonly string[])[] | undefined {
  const sets = new Map<number, Map<string, string>>();
  for (const field of fields) {
    const name = nameOf(field);
    if (!(setFields as readonly string[]).includes(name)) continue;
    const instance = instanceOf(field);
    const set = sets.get(instance) ?? new Map<string, string>();
    if (instance === 0 || set.has(name)) return undefined;
    sets.set(instance, set.set(name, field));
  }
  const chain: string[][] = [];
  for (let i = 1; i <= sets.size; i++) {
    const set = setFields.map((name) => sets.get(i)?.get(name));
    if (set.some((field) => field === undefined)) return undefined;
    chain.push(set as string[]);
  }
  return chain;
}

/** 0: there is none. */
function instanceOf(field: string): number {
  const value = field.slice(field.indexOf(":") + 1);
  const text = parseTags(value)?.get("i") ?? /^\s*i\s*=\s*(\d{1,2})\s*;/.exec(value)?.[1] ?? "";
  return /^[1-9]\d?$/.test(text) ? Number(text) : 0;
}
