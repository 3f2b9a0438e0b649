/**
 * Reads a DNS reply: follows its CNAME chain and tells records, "no data", "no such name" and "go on there" apart.
 *
 * In:     a decoded reply and the question. Pure.
 * Out:    a `Reading`; times to live in seconds, negative ones from the SOA.
 * Fails:  `loop` when the aliases lead in a circle or on and on.
 * Spec:   RFC 1034 §3.6.2 (aliases), RFC 2308 §2–§5, RFC 6604 §3 (the code speaks of the last name of a chain).
 */
import type { Answer as PacketRecord } from "dns-packet";
import type { HostAddress, Mx } from "../deliver/route/dns.ts";
import type { Tlsa } from "../mail/tlsa.ts";
import { plainName } from "./names.ts";
import { type QueryType, type Reply, rcode } from "./wire.ts";

/** RFC 2782; `""` as target: the service is decidedly not there. */
export interface Srv {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

/** What the resolver makes of each type's data. */
export interface Data {
  readonly A: HostAddress;
  readonly AAAA: HostAddress;
  readonly CNAME: string;
  readonly MX: Mx;
  readonly PTR: string;
  readonly SRV: Srv;
  readonly TLSA: Tlsa;
  readonly TXT: string;
}

export type Reading<T> =
  | { readonly kind: "found"; readonly records: readonly T[]; readonly ttl: number }
  /** `ttl` is absent when the reply has no SOA: such an answer should not be kept. RFC 2308 §5 */
  | { readonly kind: "none" | "nxdomain"; readonly ttl: number | undefined }
  /** The chain leaves the reply: ask for `name` next. */
  | { readonly kind: "alias"; readonly name: string; readonly ttl: number }
  | { readonly kind: "loop" };

/** Longer chains than this exist only by mistake or malice. */
export const maxAliases = 8;

const readers: { readonly [T in QueryType]: (record: PacketRecord) => Data[T] | undefined } = {
  A: (r) => (r.type === "A" ? { address: r.data, family: 4 } : undefined),
  AAAA: (r) => (r.type === "AAAA" ? { address: r.data, family: 6 } : undefined),
  CNAME: (r) => (r.type === "CNAME" ? plainName(r.data) : undefined),
  MX: (r) =>
    r.type === "MX" ? { preference: r.data.preference ?? 0, host: plainName(r.data.exchange) } : undefined,
  PTR: (r) => (r.type === "PTR" ? plainName(r.data) : undefined),
  SRV: (r) =>
    r.type === "SRV"
      ? {
          priority: r.data.priority ?? 0,
          weight: r.data.weight ?? 0,
          port: r.data.port,
          target: plainName(r.data.target),
        }
      : undefined,
  TLSA: (r) =>
    r.type === "TLSA"
      ? {
          usage: r.data.usage,
          selector: r.data.selector,
          matching: r.data.matchingType,
          data: Buffer.from(r.data.certificate),
        }
      : undefined,
  TXT: (r) => (r.type === "TXT" ? [r.data].flat().map(String).join("") : undefined),
};

export function read<T extends QueryType>(reply: Reply, question: string, type: T): Reading<Data[T]> {
  let name = question;
  let ttl = Number.POSITIVE_INFINITY;
  for (let aliases = 0; aliases <= maxAliases; aliases++) {
    const found = recordsAt(reply, name, type);
    if (found) return { kind: "found", records: found.records, ttl: Math.min(ttl, found.ttl) };
    const alias = aliasAt(reply, name);
    if (!alias) return ending(reply, name, question, ttl);
    name = alias.to;
    ttl = Math.min(ttl, alias.ttl);
  }
  return { kind: "loop" };
}

function recordsAt<T extends QueryType>(reply: Reply, name: string, type: T) {
  const records: Data[T][] = [];
  let ttl = Number.POSITIVE_INFINITY;
  for (const record of reply.answers) {
    const data = readers[type](record);
    if (data === undefined || plainName(record.name) !== name) continue;
    records.push(data);
    ttl = Math.min(ttl, ttlOf(record)); // RFC 2181 §5.2: all of a set should agree; the least is safe
  }
  return records.length > 0 ? { records, ttl } : undefined;
}

function aliasAt(reply: Reply, name: string): { to: string; ttl: number } | undefined {
  for (const record of reply.answers) {
    if (record.type === "CNAME" && plainName(record.name) === name) {
      return { to: plainName(record.data), ttl: ttlOf(record) };
    }
  }
  return undefined;
}

/** No record at the end of the chain: the name is missing, or has no such data, or lies in a reply yet to come. */
function ending(reply: Reply, name: string, question: string, ttl: number): Reading<never> {
  const soa = reply.authorities.find((record) => record.type === "SOA");
  // RFC 2308 §3, §5: the lesser of the SOA's own TTL and its MINIMUM field
  const negative = soa ? Math.min(ttl, ttlOf(soa), soa.data.minimum ?? 0) : undefined;
  if (reply.rcode === rcode.nxDomain) return { kind: "nxdomain", ttl: negative };
  return name === question || soa ? { kind: "none", ttl: negative } : { kind: "alias", name, ttl };
}

/** RFC 2181 §8: a value with the highest bit set counts as zero. */
function ttlOf(record: PacketRecord): number {
  const ttl = "ttl" in record ? (record.ttl ?? 0) : 0;
  return ttl > 0x7fffffff ? 0 : ttl;
}
