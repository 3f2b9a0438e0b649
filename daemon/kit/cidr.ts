/**
 * Network prefixes: "which of these CIDRs holds this address?", answered by one look-up per prefix length in use, so
 * that thousands of tenants with their own networks cost a connection nothing.
 *
 * In:     CIDRs in the order of their precedence; addresses as text, IPv4-mapped IPv6 counts as IPv4 (RFC 4291 §2.5.5.2).
 * Out:    the value of the first CIDR that holds the address.
 * Fails:  never; what is no CIDR holds nothing, what is no address is held by none.
 */
import ipaddr from "ipaddr.js";

export interface CidrTable<T> {
  readonly find: (address: string) => T | undefined;
}

interface Entry<T> {
  readonly rank: number;
  readonly value: T;
}

export function cidrTable<T>(cidrs: Iterable<readonly [cidr: string, value: T]>): CidrTable<T> {
  /** By family and prefix length: `4/24` or `6/64`. */
  const byLength = new Map<string, { readonly octets: number; bits: number; held: Map<string, Entry<T>> }>();
  let rank = 0;
  for (const [text, value] of cidrs) {
    const parsed = parseCidr(text);
    if (!parsed) continue;
    const { octets, bits } = parsed;
    const id = `${octets.length}/${bits}`;
    const group = byLength.get(id) ?? { octets: octets.length, bits, held: new Map() };
    byLength.set(id, group);
    const key = masked(octets, bits);
    if (!group.held.has(key)) group.held.set(key, { rank, value });
    rank++;
  }
  const groups = [...byLength.values()];
  return {
    find(address) {
      if (groups.length === 0) return undefined;
      const octets = parseIp(address);
      if (!octets) return undefined;
      let best: Entry<T> | undefined;
      for (const group of groups) {
        if (group.octets !== octets.length) continue;
        const entry = group.held.get(masked(octets, group.bits));
        if (entry && (!best || entry.rank < best.rank)) best = entry;
      }
      return best?.value;
    },
  };
}

/** The unit in which clients are counted: an IPv4 address, or an IPv6 /64 (one customer's network, RFC 6177). */
export function clientNetwork(address: string): string {
  if (!address.includes(":")) return address;
  const octets = parseIp(address);
  if (!octets) return address;
  return octets.length === 4 ? octets.join(".") : `${Buffer.from(octets.slice(0, 8)).toString("hex")}::/64`;
}

/** 127.0.0.0/8 and ::1. RFC 1122 §3.2.1.3, RFC 4291 §2.5.3 */
export function isLoopback(address: string): boolean {
  if (address === "127.0.0.1" || address === "::1") return true;
  const octets = parseIp(address);
  return octets?.length === 4 && octets[0] === 127;
}

function parseIp(text: string): readonly number[] | undefined {
  try {
    return ipaddr.process(text).toByteArray();
  } catch {
    return undefined;
  }
}

export const isCidr = (text: string): boolean => parseCidr(text) !== undefined;

function parseCidr(text: string): { octets: readonly number[]; bits: number } | undefined {
  try {
    const [address, bits] = ipaddr.parseCIDR(text);
    if (!(address instanceof ipaddr.IPv6) || !address.isIPv4MappedAddress() || bits < 96)
      return { octets: address.toByteArray(), bits };
    return { octets: address.toIPv4Address().toByteArray(), bits: bits - 96 };
  } catch {
    return undefined;
  }
}

/** The first `bits` of the address as a map key. */
function masked(octets: readonly number[], bits: number): string {
  const whole = bits >> 3;
  let key = "";
  for (let i = 0; i < whole; i++) key += String.fromCharCode(octets[i] ?? 0);
  const rest = bits & 7;
  return rest === 0 ? key : key + String.fromCharCode((octets[whole] ?? 0) >> (8 - rest));
}
