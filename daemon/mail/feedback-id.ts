/**
 * The proof that a report of abuse is about a message of ours: who got which message, sealed into a field that the report
 * brings back.
 *
 * In:     a message's id and its only recipient; keys, the newest first.
 * Out:    a token of letters, digits, `-` and `_`; and back from it what was sealed.
 * Fails:  `undefined`: the token is none of ours, or was changed.
 * Why:    whoever could make up reports could stop mail to anybody. A token is given to one recipient and names no other; it
 *         tells those through whose hands it passes nothing (the address may be an alias's).
 * Spec:   AES-256-GCM. The nonce is a keyed digest of the text, so the same message has the same token at each attempt, and
 *         no nonce is used for two texts (2^48 of them aside). RFC 9477 §3.2 names the field.
 */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { type Address, parseAddress } from "./address.ts";

/** What the keys are derived for. */
export const feedbackPurpose = "feedback ids of messages";

export interface Sent {
  readonly message: string;
  readonly recipient: Address;
}

const algorithm = "aes-256-gcm";
const nonceOctets = 12;
const tagOctets = 16;
/** No address makes a longer one. */
const longest = 1_000;

export function feedbackId({ message, recipient }: Sent, key: Buffer): string {
  const text = `${message} ${recipient}`;
  const nonce = createHmac("sha256", key).update(`nonce ${text}`).digest().subarray(0, nonceOctets);
  const cipher = createCipheriv(algorithm, key, nonce);
  return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString(
    "base64url",
  );
}

export function sentOf(token: string, keys: readonly Buffer[]): Sent | undefined {
  if (token.length > longest || !/^[A-Za-z0-9_-]+$/.test(token)) return undefined;
  const octets = Buffer.from(token, "base64url");
  if (octets.length <= nonceOctets + tagOctets) return undefined;
  for (const key of keys) {
    const text = opened(octets, key) ?? "";
    const space = text.indexOf(" ");
    const recipient = parseAddress(text.slice(space + 1));
    if (space > 0 && recipient !== undefined) return { message: text.slice(0, space), recipient };
  }
  return undefined;
}

function opened(octets: Buffer, key: Buffer): string | undefined {
  try {
    const decipher = createDecipheriv(algorithm, key, octets.subarray(0, nonceOctets), {
      authTagLength: tagOctets,
    });
    decipher.setAuthTag(octets.subarray(-tagOctets));
    return (
      decipher.update(octets.subarray(nonceOctets, -tagOctets), undefined, "utf8") + decipher.final("utf8")
    );
  } catch {
    return undefined;
  }
}
