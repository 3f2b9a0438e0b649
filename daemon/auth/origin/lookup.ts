/**
 * The DNS as mailauth asks for it: like node's `resolve`, answered by our own resolver.
 *
 * Out:    records in node's shapes; texts of more than `textMax` octets are as if they were not there.
 * Fails:  `ENOTFOUND` and `ENODATA` for names and types that do not exist; any other code is a temporary failure to
 *         mailauth, and so is the signal's end.
 */
export type LookupType = "A" | "AAAA" | "CNAME" | "MX" | "PTR" | "TXT";

export type LookupAnswer =
  | { readonly kind: "found"; readonly records: readonly unknown[] }
  | { readonly kind: "none" | "nxdomain" }
  | { readonly kind: "failed"; readonly text: string };

export type Lookup = (name: string, type: LookupType, signal: AbortSignal) => Promise<LookupAnswer>;

export type NodeResolve = (name: string, type: string) => Promise<unknown[]>;

/** No record of SPF, DKIM or DMARC is longer; mailauth reads some of them in a time that grows with the square of it. */
const textMax = 4 << 10;

const types: ReadonlySet<string> = new Set<LookupType>(["A", "AAAA", "CNAME", "MX", "PTR", "TXT"]);

export const nodeResolve =
  (lookup: Lookup, signal: AbortSignal): NodeResolve =>
  async (name, type) => {
    signal.throwIfAborted();
    if (!types.has(type)) throw failure("ENODATA", `${type} is not asked for`);
    const answer = await lookup(name, type as LookupType, signal);
    switch (answer.kind) {
      case "failed":
        throw failure("ESERVFAIL", answer.text);
      case "nxdomain":
        throw failure("ENOTFOUND", `${name} does not exist`);
      case "none":
        throw failure("ENODATA", `${name} has no ${type}`);
      case "found": {
        const records = answer.records.filter((record) => !isVast(record));
        if (records.length === 0) throw failure("ENODATA", `${name} has no ${type} of a sensible size`);
        return records.map((record) => shaped(type as LookupType, record));
      }
    }
  };

/** A text, that is. */
const isVast = (record: unknown): boolean => typeof record === "string" && record.length > textMax;

const failure = (code: string, text: string): Error => Object.assign(new Error(text), { code });

function shaped(type: LookupType, record: unknown): unknown {
  switch (type) {
    case "A":
    case "AAAA":
      return (record as { readonly address: string }).address;
    case "MX": {
      const { preference, host } = record as { readonly preference: number; readonly host: string };
      return { priority: preference, exchange: host };
    }
    case "TXT":
      return [record];
    default:
      return record;
  }
}
