/**
 * The DNS port answered from a zone in memory, for tests of what is made of the answers.
 *
 * In:     a `Zone` (see dns-zone.ts) and the names that have no answer now; both may change at run time.
 * Out:    answers with the records' least TTL, negative ones with `negativeTtlMs`; `asked` lists the questions.
 */
import type { Answer, Dns, HostAddress, Mx } from "../../daemon/deliver/route/dns.ts";
import { lookUpIn, type Zone } from "./dns-zone.ts";

const negativeTtlMs = 60_000;

export class ScriptedDns implements Dns {
  zone: Zone;
  readonly failing: Set<string>;
  readonly asked: string[] = [];

  constructor(zone: Zone, failing: readonly string[] = []) {
    this.zone = zone;
    this.failing = new Set(failing);
  }

  async mx(domain: string): Promise<Answer<Mx>> {
    return this.#answer(domain, ["MX"], (data) => {
      const { preference = 0, exchange } = data as { preference?: number; exchange: string };
      return { preference, host: exchange.replace(/\.$/, "").toLowerCase() };
    });
  }

  async addresses(host: string): Promise<Answer<HostAddress>> {
    return this.#answer(host, ["AAAA", "A"], (data) => {
      const address = String(data);
      return { address, family: address.includes(":") ? 6 : 4 };
    });
  }

  async txt(name: string): Promise<Answer<string>> {
    return this.#answer(name, ["TXT"], (data) => [data].flat().join(""));
  }

  #answer<T>(name: string, types: readonly string[], read: (data: unknown) => T): Answer<T> {
    this.asked.push(`${types.join("+")} ${name}`);
    if (this.failing.has(name)) return { kind: "failed", text: "SERVFAIL" };
    const sections = types.map((type) => ({ type, ...lookUpIn(this.zone, { name, type }, 60, false) }));
    const found = sections.flatMap(({ type, answers }) => answers.filter((record) => record.type === type));
    if (found.length === 0) {
      const missing = sections.some(({ rcode }) => rcode !== 0);
      return { kind: missing ? "nxdomain" : "none", ttlMs: negativeTtlMs };
    }
    const ttl = Math.min(...found.map((record) => ("ttl" in record ? (record.ttl ?? 0) : 0)));
    const records = found.map((record) => read("data" in record ? record.data : undefined));
    return { kind: "found", records, ttlMs: ttl * 1_000, authentic: false };
  }
}
