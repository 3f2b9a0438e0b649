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

/** The network around a client: an IPv4 /24. An IPv6 client is counted as its /64 already: `undefined`. */
export function networkAround(address: string): string | undefined {
  const octets = parseIp(address);
  return octets?.length === 4 ? `${octets.slice(0, 3).join(".")}.0/24` : undefined;
}

/** The address as names in the DNS are made of it, last part first. RFC 5782 §2.1, §2.4; RFC 3596 §2.5 */
export function reversed(address: string): { readonly family: 4 | 6; readonly labels: string } | undefined {
  const octets = parseIp(address);
  if (!octets) return undefined;
  if (octets.length === 4) return { family: 4, labels: [...octets].reverse().join(".") };
  const nibbles = [...Buffer.from(octets).toString("hex")].reverse();
  return { family: 6, labels: nibbles.join(".") };
}

export const isIpAddress = (text: string): boolean => ipaddr.isValid(text);

/** Whether both are written forms of one address. */
export function sameAddress(one: string, other: string): boolean {
  const [a, b] = [parseIp(one), parseIp(other)];
  return a !== undefined && b !== undefined && a.join() === b.join();
}

/** An IPv4 address in four parts as a number, or undefined: the short and octal forms that some take are none. */
export function ipv4Number(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$/.test(text)) return undefined;
  const octets = text.split(".").map(Number);
  if (octets.some((octet) => octet > 255)) return undefined;
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
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
