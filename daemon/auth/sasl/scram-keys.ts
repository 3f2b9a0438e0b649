/**
 * The arithmetic of SCRAM-SHA-256.
 *
 * In:     passwords, salts, the messages of an exchange.
 * Out:    verifiers, proofs checked, the server's signature.
 * Costs:  `deriveVerifier` some milliseconds in a thread, once per change of a password. Checking a proof is a few hashes.
 * Spec:   RFC 5802 §3, RFC 7677 §3.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { ScramVerifier } from "../../kit/scram-verifier.ts";
import { saslprep } from "./saslprep.ts";

/** The client pays for them at each login; the verifier is sealed at rest besides. RFC 7677 §4 asks for 4096 or more. */
export const defaultIterations = 32_768;
const saltOctets = 16;
const keyOctets = 32;
const stretch = promisify(pbkdf2);

export const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const sha256 = (octets: Buffer): Buffer => createHash("sha256").update(octets).digest();

export async function deriveVerifier(
  password: string,
  iterations = defaultIterations,
  salt: Buffer = randomBytes(saltOctets),
): Promise<ScramVerifier> {
  const salted = await stretch(saslprep(password), salt, iterations, keyOctets, "sha256");
  return {
    iterations,
    salt,
    storedKey: sha256(hmac(salted, "Client Key")),
    serverKey: hmac(salted, "Server Key"),
  };
}

/** ClientProof is ClientKey XOR ClientSignature; only who has ClientKey can make it. */
export function provesPassword(verifier: ScramVerifier, authMessage: string, proof: Buffer): boolean {
  if (proof.length !== keyOctets) return false;
  const clientKey = hmac(verifier.storedKey, authMessage);
  for (let i = 0; i < keyOctets; i++) clientKey[i] = (clientKey[i] as number) ^ (proof[i] as number);
  return timingSafeEqual(sha256(clientKey), verifier.storedKey);
}

export const serverSignature = (verifier: ScramVerifier, authMessage: string): Buffer =>
  hmac(verifier.serverKey, authMessage);
