/**
 * Checks a certificate and its key, as a Secret of type kubernetes.io/tls holds them; and certificates of authorities.
 *
 * In:     PEM texts (the certificate first, its chain behind it), the time.
 * Out:    what is wrong, in words that name the remedy; or `undefined`.
 * Spec:   RFC 5280 §4.1.2.5 (validity), §4.2.1.6 (subject alternative names), RFC 6125 §6.4 (they name the server).
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

export interface CertificateTexts {
  readonly cert: string;
  readonly key: string;
}

export function certificateFault({ cert, key }: CertificateTexts, now: number): string | undefined {
  const x509 = readCertificate(cert);
  if (x509 === undefined)
    return "tls.crt is no certificate in PEM; it must begin with -----BEGIN CERTIFICATE-----";
  const privateKey = readKey(key);
  if (privateKey === undefined)
    return "tls.key is no private key in PEM without a passphrase; it must begin with -----BEGIN PRIVATE KEY-----";
  if (!x509.checkPrivateKey(privateKey))
    return "tls.key does not belong to the first certificate in tls.crt; put the server's own certificate first";
  if (serverNames(x509).length === 0)
    return "the certificate names no server; have it issued with DNS names (subjectAltName)";
  const end = x509.validToDate.getTime();
  if (end <= now) return `the certificate expired at ${isoDate(end)}; have it renewed`;
  const begin = x509.validFromDate.getTime();
  return begin > now ? `the certificate is not valid before ${isoDate(begin)}` : undefined;
}

const isoDate = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+/, "");

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

/** Of a bundle of authorities; expired ones are left to whoever connects. */
export function authoritiesFault(bundle: string): string | undefined {
  const blocks = bundle.split(/(?=-----BEGIN CERTIFICATE-----)/).filter((text) => text.startsWith("-----"));
  const bad = blocks.findIndex((block) => readCertificate(block) === undefined);
  return bad < 0
    ? undefined
    : `certificate ${bad + 1} cannot be read; copy it anew, with both of its lines -----`;
}

/** The DNS names that the certificate is for, in lower case; `*.example.org` stays as it is. */
export function serverNames(x509: Pick<X509Certificate, "subjectAltName">): readonly string[] {
  const names = x509.subjectAltName?.split(", ") ?? [];
  return names
    .filter((name) => /^DNS:[A-Za-z0-9*._-]+$/.test(name))
    .map((name) => name.slice(4).toLowerCase());
}
