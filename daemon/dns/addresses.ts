/**
 * What the A and the AAAA answer say together about a host. Pure.
 *
 * Addresses of either family make it `found`; "no such name" and "no address" are said only when nothing is in doubt.
 */
import type { Answer, HostAddress } from "../deliver/route/dns.ts";

/** How soon a host is asked for again when only one of its two answers came. */
const halfKnownMs = 60_000;

const ttlOf = (answer: Answer<HostAddress>): number =>
  answer.kind === "failed" ? halfKnownMs : answer.ttlMs;

export function merge(six: Answer<HostAddress>, four: Answer<HostAddress>): Answer<HostAddress> {
  const ttlMs = Math.min(ttlOf(six), ttlOf(four));
  const found = [six, four].filter((answer) => answer.kind === "found");
  if (found.length > 0) {
    const records = found.flatMap((answer) => answer.records);
    return { kind: "found", records, ttlMs, authentic: found.every((answer) => answer.authentic) };
  }
  if (six.kind === "failed") return six;
  if (four.kind === "failed") return four;
  const missing = six.kind === "nxdomain" || four.kind === "nxdomain"; // RFC 8020: it holds for every type
  return { kind: missing ? "nxdomain" : "none", ttlMs };
}
