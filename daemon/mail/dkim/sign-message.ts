/**
 * Signs a message that is in memory, or passes by as a stream: it is read to its end once, and never held.
 *
 * In:     the message's octets with CRLF line ends; a choice of keys that may depend on its header; fields that will be put
 *         in front of it, to be signed with the others.
 * Out:    the fields to put in front, or `""` when nobody signs it.
 * Fails:  with what reading the message throws.
 * Spec:   RFC 6376 §5.
 */
import { arcSet } from "../arc/seal.ts";
import { BodyHash } from "./body-hash.ts";
import { type HeaderSection, readHeaderSection } from "./header-section.ts";
import { type SigningOrder, signFields } from "./sign.ts";

const relaxed = { relaxed: true, algorithm: "sha256" } as const;

export type ChooseKeys = (
  fields: readonly string[],
) => SigningOrder | undefined | Promise<SigningOrder | undefined>;

export async function signMessage(
  message: Uint8Array | AsyncIterable<Uint8Array>,
  choose: ChooseKeys,
  added = "",
): Promise<string> {
  const front = added === "" ? [] : added.split(/(?<=\r\n)(?![ \t]|$)/);
  return message instanceof Uint8Array
    ? signWhole(message, choose, front)
    : signStream(message, choose, front);
}

async function signWhole(message: Uint8Array, choose: ChooseKeys, front: readonly string[]): Promise<string> {
  const section = readHeaderSection(message, false);
  if (section === undefined || section === "unfinished") return "";
  const order = await choose(section.fields);
  if (order === undefined) return "";
  const hash = new BodyHash(relaxed);
  hash.update(message.subarray(section.bodyAt));
  return finish([...front, ...section.fields], order, hash);
}

async function signStream(
  message: AsyncIterable<Uint8Array>,
  choose: ChooseKeys,
  front: readonly string[],
): Promise<string> {
  const hash = new BodyHash(relaxed);
  let head = Buffer.alloc(0);
  let section: HeaderSection | undefined;
  let order: SigningOrder | undefined;
  for await (const piece of message) {
    if (section !== undefined) {
      hash.update(piece);
      continue;
    }
    head = Buffer.concat([head, piece]);
    const read = readHeaderSection(head, true);
    if (read === "unfinished") continue;
    if (read === undefined) return "";
    section = read;
    order = await choose(section.fields);
    if (order === undefined) return "";
    hash.update(head.subarray(section.bodyAt));
  }
  if (section === undefined) return signWhole(head, choose, front); // a header without a body
  return order === undefined ? "" : finish([...front, ...section.fields], order, hash);
}

async function finish(fields: readonly string[], order: SigningOrder, hash: BodyHash): Promise<string> {
  const bodyHash = hash.digest();
  const signatures = (await signFields(fields, bodyHash, order)).join("");
  // RFC 8617 §4.1.3: only RSA.
  const key = order.keys.find(({ algorithm }) => algorithm === "rsa-sha256");
  if (order.seal === undefined || key === undefined) return signatures;
  const { domain, at, seal } = order;
  return (await arcSet(fields, bodyHash, { domain, key, at, ...seal })) + signatures;
}
