/**
 * The client's messages of SCRAM, parsed.
 *
 * In:     text as it came.
 * Out:    its parts; names with `=2C` and `=3D` turned back.
 * Fails:  `undefined` where the grammar is not met, or a mandatory extension (`m=`) is asked for.
 * Spec:   RFC 5802 §5, §5.1, §7. Kind to clients that write an empty identity (`a=`) where they mean none.
 */
import { decodeBase64 } from "../../kit/base64.ts";

export interface ClientFirst {
  /** `n`: the client cannot bind; `y`: it can, and thinks that we cannot; else the kind of binding that it uses. */
  readonly binding: "n" | "y" | { readonly kind: string };
  /** Whom to act for; "" for oneself. */
  readonly identity: string;
  readonly name: string;
  readonly nonce: string;
  /** With its two commas: it comes again in the last message. */
  readonly header: string;
  readonly bare: string;
}

export interface ClientFinal {
  /** The header of the first message, and the channel's own octets behind it. */
  readonly binding: Buffer;
  readonly nonce: string;
  readonly proof: Buffer;
  /** The message without its proof. */
  readonly bare: string;
}

const first =
  /^((n|y|p=([A-Za-z0-9.-]+)),(?:a=([^,\0]*))?,)(n=([^,\0]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,\0]*)*)$/;
const final = /^(c=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,\0]*)*),p=([^,]+)$/;

export function parseClientFirst(text: string): ClientFirst | undefined {
  const match = first.exec(text);
  if (!match) return undefined;
  const [, header = "", flag = "", kind, authorization = "", bare = "", user = "", nonce = ""] = match;
  const identity = unescaped(authorization);
  const name = unescaped(user);
  if (identity === undefined || name === undefined) return undefined;
  const binding = kind === undefined ? (flag as "n" | "y") : { kind };
  return { binding, identity, name, nonce, header, bare };
}

export function parseClientFinal(text: string): ClientFinal | undefined {
  const [, bare = "", channel = "", nonce = "", signed = ""] = final.exec(text) ?? [];
  const binding = decodeBase64(channel);
  const proof = decodeBase64(signed);
  return binding && proof && bare !== "" ? { binding, nonce, proof, bare } : undefined;
}

/** `=` stands only before `2C` and `3D`. */
function unescaped(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined;
  return text.replaceAll("=2C", ",").replaceAll("=3D", "=");
}
