/**
 * A self-signed certificate for the laptop: TLS can be tried before there is a real one. Nobody should trust it.
 *
 * In:     host names and addresses, a folder to keep key (0600) and certificate in.
 * Out:    PEM texts; the same ones again until the names change or the end is near.
 * Fails:  with the file system's error.
 * Spec:   RFC 5280 §4.1, §4.2.1.6, §4.2.1.9; RFC 5480 (P-256), RFC 5758 (ECDSA with SHA-256).
 */
import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import ipaddr from "ipaddr.js";
import type { Clock } from "../kit/clock.ts";
import * as der from "./der.ts";

export interface KeyAndCertificate {
  /** PKCS #8, PEM */
  readonly key: string;
  readonly cert: string;
}

const day = 86_400_000;
/** Clients on some systems refuse more. */
const lifetime = 397 * day;
const renewBefore = 30 * day;

/** Reads the certificate that `folder` keeps, or makes one there. */
export async function keptCertificate(
  folder: string,
  names: readonly [string, ...string[]],
  clock: Clock,
): Promise<KeyAndCertificate> {
  const kept = await read(folder);
  if (kept && isGood(kept, names, clock.now())) return kept;
  const made = makeCertificate(names, clock.now());
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await write(join(folder, "key.pem"), made.key, 0o600);
  await write(join(folder, "cert.pem"), made.cert, 0o644);
  return made;
}

export function makeCertificate(names: readonly [string, ...string[]], now: number): KeyAndCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const toBeSigned = content(names, now, publicKey);
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = der.sequence(toBeSigned, ecdsaWithSha256, der.bitString(signature));
  return { key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(), cert: pem(certificate) };
}

const ecdsaWithSha256 = der.sequence(der.objectId("1.2.840.10045.4.3.2"));

/** TBSCertificate. RFC 5280 §4.1 */
function content(names: readonly [string, ...string[]], now: number, publicKey: KeyObject): Buffer {
  // A common name holds at most 64 characters (RFC 5280 appendix A); the names that count are in the extension.
  const name = der.sequence(
    der.set(der.sequence(der.objectId("2.5.4.3"), der.utf8String(names[0].slice(0, 64)))),
  );
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and of constant length
  return der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))), // version 3
    der.integer(serial),
    ecdsaWithSha256,
    name,
    der.sequence(der.time(now - day), der.time(now + lifetime)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der.explicit(3, der.sequence(alternativeNames(names), notAnAuthority)),
  );
}

/** RFC 5280 §4.2.1.6 */
function alternativeNames(names: readonly string[]): Buffer {
  const general = names.map((name) =>
    isIP(name) > 0
      ? der.implicit(7, Buffer.from(ipaddr.parse(name).toByteArray()))
      : der.implicit(2, Buffer.from(name, "latin1")),
  );
  return der.sequence(der.objectId("2.5.29.17"), der.octetString(der.sequence(...general)));
}

/** BasicConstraints, critical, cA false: whoever trusts this certificate trusts it for these names only. §4.2.1.9 */
const notAnAuthority = der.sequence(
  der.objectId("2.5.29.19"),
  der.boolean(true),
  der.octetString(der.sequence()),
);

const pem = (certificate: Buffer): string => {
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
};

function isGood({ key, cert }: KeyAndCertificate, names: readonly string[], now: number): boolean {
  try {
    const x509 = new X509Certificate(cert);
    const covers = names.every(
      (name) => (isIP(name) > 0 ? x509.checkIP(name) : x509.checkHost(name)) !== undefined,
    );
    return (
      covers && x509.checkPrivateKey(createPrivateKey(key)) && x509.validToDate.getTime() - renewBefore > now
    );
  } catch {
    return false; // damaged: made anew
  }
}

async function read(folder: string): Promise<KeyAndCertificate | undefined> {
  try {
    const [key, cert] = await Promise.all(
      ["key.pem", "cert.pem"].map((f) => readFile(join(folder, f), "utf8")),
    );
    return key && cert ? { key, cert } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whole or not at all, and never readable by others, not even for a moment. */
async function write(path: string, text: string, mode: number): Promise<void> {
  await rm(`${path}.new`, { force: true });
  await writeFile(`${path}.new`, text, { mode, flag: "wx" });
  await rename(`${path}.new`, path);
}
