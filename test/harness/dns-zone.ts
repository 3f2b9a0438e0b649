/**
 * Zones of the test DNS server: records as short text, and the answer that a recursive server would give from them.
 *
 * In:     `{ "example.test": ["MX 10 mx.example.test", "300 A 127.0.0.2"] }`; a leading number is the TTL.
 * Out:    answers, authority and code for a question. Pure.
 * Fails:  throws on text that is no record: the test is wrong.
 * Spec:   RFC 1034 §4.3.2 (the algorithm), RFC 2308 §2.1 (SOA in negative answers), RFC 8020 (empty non-terminals).
 */
import type { Answer, StringAnswer, StringRecordType } from "dns-packet";

export type Zone = Readonly<Record<string, readonly string[]>>;

export interface Section {
  readonly rcode: number;
  readonly answers: Answer[];
  readonly authorities: Answer[];
}

/** TTL of records that do not say. */
const defaultTtl = 300;
const nxDomain = 3;
/** More than any sane chain, so that the resolver's own limit is what a test sees. */
const chainLimit = 20;

function parseRecord(name: string, text: string): Answer {
  const match = /^(?:(?<ttl>\d+)\s+)?(?<type>[A-Z]+)\s+(?<data>.+)$/.exec(text);
  if (!match?.groups) throw new Error(`no DNS record: ${text}`);
  const { ttl, type = "", data = "" } = match.groups;
  return {
    name,
    ttl: ttl === undefined ? defaultTtl : Number(ttl),
    ...parseData(type, data.trim(), text),
  } as Answer;
}

function parseData(type: string, data: string, text: string) {
  switch (type) {
    case "A":
    case "AAAA":
    case "CNAME":
    case "NS":
    case "PTR":
      return { type: type satisfies StringRecordType, data };
    case "MX": {
      const [preference, exchange = ""] = data.split(/\s+/);
      return { type, data: { preference: Number(preference), exchange } };
    }
    case "SRV": {
      const [priority, weight, port, target = ""] = data.split(/\s+/);
      return {
        type,
        data: { priority: Number(priority), weight: Number(weight), port: Number(port), target },
      };
    }
    case "TLSA": {
      const [usage, selector, matchingType, hex = ""] = data.split(/\s+/);
      const certificate = Buffer.from(hex, "hex");
      return {
        type,
        data: {
          usage: Number(usage),
          selector: Number(selector),
          matchingType: Number(matchingType),
          certificate,
        },
      };
    }
    case "TXT":
      return { type, data: [...data.matchAll(/"([^"]*)"|(\S+)/g)].map((part) => part[1] ?? part[2] ?? "") };
    default:
      throw new Error(`the test DNS server does not know the type of: ${text}`);
  }
}

/** `unchased`: aliases are given, but not followed, as a server does that is not authoritative for their target. */
export function lookUpIn(
  zone: Zone,
  question: { name: string; type: string },
  soaTtl: number,
  unchased: boolean,
): Section {
  const answers: Answer[] = [];
  let name = question.name.toLowerCase();
  for (let aliases = 0; aliases < chainLimit; aliases++) {
    const records = (zone[name] ?? []).map((text) => parseRecord(aliases === 0 ? question.name : name, text));
    const wanted = records.filter((record) => record.type === question.type);
    answers.push(...wanted);
    if (wanted.length > 0) return { rcode: 0, answers, authorities: [] };
    const alias = records.find((record): record is StringAnswer => record.type === "CNAME");
    if (!alias) return negative(zone, name, answers, soaTtl);
    answers.push(alias);
    if (unchased) break;
    name = alias.data.toLowerCase();
  }
  return { rcode: 0, answers, authorities: [] };
}

function negative(zone: Zone, name: string, answers: Answer[], soaTtl: number): Section {
  const exists = Object.hasOwn(zone, name) || Object.keys(zone).some((owner) => owner.endsWith(`.${name}`));
  const apex = name.split(".").slice(-1).join(".");
  const soa: Answer = {
    type: "SOA",
    name: apex,
    ttl: soaTtl * 2,
    data: {
      mname: `ns.${apex}`,
      rname: `hostmaster.${apex}`,
      serial: 1,
      refresh: 1,
      retry: 1,
      expire: 1,
      minimum: soaTtl,
    },
  };
  return { rcode: exists ? 0 : nxDomain, answers, authorities: [soa] };
}
