/**
 * What a server keeps of a password for SCRAM-SHA-256: enough to check a client's proof and to give its own, not enough
 * to log in elsewhere.
 *
 * Form:  `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, octets in base64.
 * Fails: `undefined` for what is none.
 * Spec:  RFC 5803 §2 (the parts), RFC 5802 §3, RFC 7677 §4 (at least 4096 iterations).
 */
import { decodeBase64 } from "./base64.ts";

export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

const shape = /^SCRAM-SHA-256\$(\d{4,7}):([^$:]{1,100})\$([^$:]{44}):([^$:]{44})$/;
const keyOctets = 32;
const leastIterations = 4_096;

export function parseScramVerifier(text: string): ScramVerifier | undefined {
  const [, count = "", ...parts] = shape.exec(text) ?? [];
  const [salt, storedKey, serverKey] = parts.map(decodeBase64);
  const iterations = Number(count);
  if (!salt || storedKey?.length !== keyOctets || serverKey?.length !== keyOctets) return undefined;
  return iterations < leastIterations ? undefined : { iterations, salt, storedKey, serverKey };
}

export const formatScramVerifier = ({ iterations, salt, storedKey, serverKey }: ScramVerifier): string =>
  `SCRAM-SHA-256$${iterations}:${base64(salt)}$${base64(storedKey)}:${base64(serverKey)}`;

const base64 = (octets: Buffer): string => octets.toString("base64");
