/**
 * The TLS settings of our listeners, in one place.
 *
 * Spec:  RFC 8996 (no TLS 1.0 and 1.1), RFC 9325 §4 (the library's default ciphers meet it).
 */
import { createSecureContext, type SecureContext } from "node:tls";

/** PEM texts; `cert` may hold the chain. Throws the library's error when key and certificate do not fit. */
export const serverContext = ({
  key,
  cert,
}: {
  readonly key: string;
  readonly cert: string;
}): SecureContext => createSecureContext({ key, cert, minVersion: "TLSv1.2", honorCipherOrder: true });
