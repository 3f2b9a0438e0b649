/**
 * Mail addresses as they travel in an envelope.
 *
 * In:     text from a command, a resource or a header.
 * Out:    branded values: `Domain` is lower-case and in A-label form; a `Mailbox` keeps the local part exactly as it
 *         was written (RFC 5321 §2.4: only the final host may interpret it) and its domain in A-label form.
 * Fails:  parsers return `undefined`; the caller knows the words for the reply.
 * Spec:   RFC 5321 §4.1.2, RFC 6531 §3.3, RFC 5890.
 */
import type { Branded } from "../kit/brand.ts";

/** A domain name in lower-case A-label form, or an address literal such as `[192.0.2.1]`. */
export type Domain = Branded<string, "Domain">;

/** `local-part@domain`, local part as written, domain as `Domain`. */
export type Address = Branded<string, "Address">;

/** `""` is the null sender `<>`. RFC 5321 §4.5.5 */
export type ReversePath = Address | "";
