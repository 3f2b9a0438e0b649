/**
 * Domain names as the resolver takes and gives them: lower-case text without the final dot.
 *
 * Spec: RFC 1035 §2.3.4 (sizes), RFC 4343 (case), RFC 6761 §6.3 (localhost).
 */

/** Printable ASCII in labels of 1–63 octets, at most 253 in all. Underscores and the like are legal in the DNS. */
export function isQueryable(name: string): boolean {
  return name.length > 0 && name.length <= 253 && labels.test(name);
}
const labels = /^[!-\-/-~]{1,63}(?:\.[!-\-/-~]{1,63})*$/;

/** `Mx1.Example.ORG.` → `mx1.example.org`; the root → `""`. */
export function plainName(name: string): string {
  return (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase();
}

/** `localhost` and everything below it: answered here, never asked for. RFC 6761 §6.3 */
export const isLocalhost = (name: string): boolean => name === "localhost" || name.endsWith(".localhost");
