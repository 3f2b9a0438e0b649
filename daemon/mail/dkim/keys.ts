/**
 * DKIM keys: made, read, and told to the world. Used alike by the operator and on a laptop.
 *
 * In:     an algorithm, or a private key in PEM (PKCS #8 or PKCS #1).
 * Out:    a private key in PEM, to lie in a Secret; the text of the TXT record that publishes its public half.
 * Fails:  `UnusableDkimKey`, whose words name the remedy: no PEM, a public key, another kind of key, RSA below 1024 bits.
 * Spec:   RFC 6376 §3.3.3 (key sizes), §3.6.1 (record), RFC 8301 §3.2 (at least 1024, better 2048 bits), RFC 8463 §4.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { promisify } from "node:util";
import { type Domain, parseDomain } from "../address.ts";

export const dkimAlgorithms = ["rsa-sha256", "ed25519-sha256"] as const;
/** The `a=` tag of signatures made with such a key. */
export type DkimAlgorithm = (typeof dkimAlgorithms)[number];

/** RFC 8301 §3.2: signers must use at least 1024 bits and should use 2048. More does not fit one TXT string. */
const rsaBits = { least: 1024, made: 2048, most: 4096 } as const;

export class UnusableDkimKey extends Error {
  override readonly name = "UnusableDkimKey";
}

export interface DkimKey {
  readonly algorithm: DkimAlgorithm;
  readonly key: KeyObject;
}

/** A new private key, PKCS #8 in PEM. Takes some 100 ms for RSA: not for a path that messages wait on. */
export function generateDkimKey(algorithm: DkimAlgorithm): string {
  const { privateKey } =
    algorithm === "rsa-sha256"
      ? generateKeyPairSync("rsa", { modulusLength: rsaBits.made })
      : generateKeyPairSync("ed25519");
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

const generate = promisify(generateKeyPair);

/** Likewise, in a thread. */
export async function makeDkimKey(algorithm: DkimAlgorithm): Promise<string> {
  const { privateKey } =
    algorithm === "rsa-sha256"
      ? await generate("rsa", { modulusLength: rsaBits.made })
      : await generate("ed25519");
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

export function parseDkimKey(pem: string): DkimKey {
  const key = readPem(pem);
  if (key.asymmetricKeyType === "ed25519") return { algorithm: "ed25519-sha256", key };
  if (key.asymmetricKeyType !== "rsa")
    throw new UnusableDkimKey(`a DKIM key is RSA or Ed25519, not ${key.asymmetricKeyType}`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits >= rsaBits.least && bits <= rsaBits.most) return { algorithm: "rsa-sha256", key };
  throw new UnusableDkimKey(
    `the RSA key has ${bits} bits: give one of ${rsaBits.made} (${rsaBits.least} to ${rsaBits.most} are taken)`,
  );
}

function readPem(pem: string): KeyObject {
  if (!pem.includes("PRIVATE KEY-----"))
    throw new UnusableDkimKey(
      "this is no private key in PEM: it must begin with -----BEGIN PRIVATE KEY-----",
    );
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const locked = pem.includes("ENCRYPTED");
    const words = locked ? "it is locked with a passphrase: give it without" : "it is damaged";
    throw new UnusableDkimKey(`this private key cannot be read: ${words}`, { cause: error });
  }
}

/**
 * What the TXT record at `dkimRecordName` says. RFC 6376 §3.6.1: RSA as SubjectPublicKeyInfo, in base64; RFC 8463 §4: the
 * 32 octets of an Ed25519 key.
 */
export function dkimRecord(key: string | DkimKey): string {
  const { algorithm, key: privateKey } = typeof key === "string" ? parseDkimKey(key) : key;
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  if (algorithm === "rsa-sha256") return `v=DKIM1; k=rsa; p=${spki.toString("base64")}`;
  return `v=DKIM1; k=ed25519; p=${spki.subarray(-ed25519Octets).toString("base64")}`;
}
const ed25519Octets = 32;

/** RFC 6376 §3.6.2.1 */
export const dkimRecordName = (selector: string, domain: string): string =>
  `${selector}._domainkey.${domain}`;

/** A name in lower case, maybe of several labels. RFC 6376 §3.1 */
export function parseSelector(text: string): Domain | undefined {
  const selector = text.includes("_") ? undefined : parseDomain(text);
  return selector !== undefined && selector.length <= 63 ? selector : undefined;
}
