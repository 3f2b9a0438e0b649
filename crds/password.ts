/**
 * Tells a password in plain text from a hash, and reads argon2id hashes.
 *
 * In:     the value that a Secret holds: the password, or its argon2id hash, or that hash and a SCRAM-SHA-256 verifier of
 *         the same password behind white space.
 * Out:    `parsePhc`: the parts of an argon2id hash; `isHash`; `hashAndVerifier`; `passwordFault`: a sentence for what
 *         cannot be used.
 * Spec:   PHC string format, argon2id version 19 (RFC 9106); costs are bounded so that one login cannot exhaust a pod.
 */
export interface Phc {
  /** KiB */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const shape =
  /^\$argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,3}),p=([0-9]{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;
const maxMemory = 262_144;
const maxPasses = 32;
const maxParallelism = 16;

/** What other programs store. Who took it for the password itself would let in whoever has seen the store. */
const otherHashes = [
  /^\$[0-9a-z-]{1,16}\$.+\$.+$/, // crypt(3): $6$salt$…, $y$…, $argon2i$…, $pbkdf2-sha256$…
  /^\$2[abxy]?\$[0-9]{2}\$.+$/, // bcrypt
  /^\$[PHS]\$[./0-9A-Za-z]{20,}$/, // phpass, Drupal
  /^\{[A-Za-z0-9.-]{3,}\}[^ ]{8,}$/, // RFC 2307 §5.3 and Dovecot: {SSHA}…, {BLF-CRYPT}…
  /^SCRAM-SHA-[0-9]+\$[0-9]+:.+\$.+:.+$/, // a verifier alone: logins without SCRAM could not be checked
  /^pbkdf2_sha(?:1|256|512)\$[0-9]+\$.+\$.+$/, // Django
];
const isOtherHash = (value: string): boolean => otherHashes.some((each) => each.test(value));

export const isHash = (value: string): boolean => value.startsWith("$argon2id$");

export function parsePhc(text: string): Phc | undefined {
  const match = shape.exec(text);
  if (!match) return undefined;
  const [, m = "", t = "", p = "", salt = "", hash = ""] = match;
  const [memory, passes, parallelism] = [Number(m), Number(t), Number(p)];
  if (passes < 1 || passes > maxPasses || parallelism < 1 || parallelism > maxParallelism) return undefined;
  if (memory < 8 * parallelism || memory > maxMemory) return undefined; // RFC 9106 §3.1
  return {
    memory,
    passes,
    parallelism,
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
}

export const formatPhc = ({ memory, passes, parallelism, salt, hash }: Phc): string =>
  `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(hash)}`;

const unpadded = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");

/** As RFC 5803 §2 names the parts, in the form that PostgreSQL writes too. */
const verifierShape =
  /^SCRAM-SHA-256\$(409[6-9]|4[1-9][0-9]{2}|[5-9][0-9]{3}|[0-9]{5,7}):[A-Za-z0-9+/]{11,86}={0,2}\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/;

/** Of a value that `isHash`. Without a verifier beside it, SCRAM is of no use to this password's owner. */
export function hashAndVerifier(value: string): { readonly hash: string; readonly scram?: string } {
  const [hash = "", scram] = value.trim().split(/\s+/);
  return scram === undefined ? { hash } : { hash, scram };
}

function hashFits(value: string): boolean {
  const { hash, scram } = hashAndVerifier(value);
  const more = value.trim().split(/\s+/).length > 2;
  return !more && parsePhc(hash) !== undefined && (scram === undefined || verifierShape.test(scram));
}

export function passwordFault(value: string): string | undefined {
  if (isHash(value)) {
    if (hashFits(value)) return undefined;
    return (
      "the Secret holds an argon2id hash that is damaged or too costly; write $argon2id$v=19$m=…,t=…,p=…$salt$hash " +
      `with at most m=${maxMemory},t=${maxPasses},p=${maxParallelism}, behind it if you like a SCRAM-SHA-256 verifier, or ` +
      "the password itself"
    );
  }
  if (!isOtherHash(value)) return undefined;
  return "the Secret holds a hash of a kind that cannot be checked; use argon2id, or the password itself";
}
