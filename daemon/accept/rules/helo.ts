/**
 * The name in HELO or EHLO: what can be wrong with it, by itself and by what the DNS says of it. Pure.
 *
 * RFC 5321 §4.1.4 wants mail taken whatever the name is; a domain of ours may choose otherwise.
 *
 * Spec:   RFC 5321 §2.3.5 (qualified names), §4.1.3 (address literals).
 */
import { isIpAddress, sameAddress } from "../../kit/cidr.ts";

export type HeloFault = "ownName" | "literal" | "unqualified" | "unresolvable";

export type HeloSays =
  | { readonly kind: "fault"; readonly fault: HeloFault }
  /** An address that is the client's, or a name that may be looked up. */
  | { readonly kind: "literal" }
  | { readonly kind: "name"; readonly name: string };

/** `isOurs`: our host name, or a domain of ours. */
export function heloSays(helo: string, client: string, isOurs: (name: string) => boolean): HeloSays {
  const literal = /^\[(?:IPv6:)?([0-9A-Fa-f:.]*)\]$/i.exec(helo)?.[1];
  if (helo.startsWith("["))
    return literal !== undefined && sameAddress(literal, client)
      ? { kind: "literal" }
      : { kind: "fault", fault: "literal" };
  const name = helo.toLowerCase().replace(/\.$/, "");
  if (isOurs(name)) return { kind: "fault", fault: "ownName" };
  if (!name.includes(".") || isIpAddress(name)) return { kind: "fault", fault: "unqualified" };
  return { kind: "name", name };
}
