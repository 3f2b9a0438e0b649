/**
 * Where a domain wants its reports: the `rua` of a DMARC or a TLS-RPT record.
 *
 * In:     the text of a record; the value of `rua`.
 * Out:    at most `ruaMax` places, each once, in their order.
 * Fails:  what is no address and no https URL is left out; `undefined` where there is not exactly one record.
 * Spec:   RFC 7489 §6.2 (URIs and their size limits), §6.3; RFC 8460 §3 (`mailto:` and `https:`); RFC 6068 §2.
 */
import { isAscii } from "../../kit/ascii.ts";
import { type Address, parseAddress } from "../address.ts";
import { parseTags } from "../tags.ts";

export type ReportUri =
  | {
      readonly kind: "mail";
      readonly address: Address;
      /** The most octets that are taken, before they are made text for mail. */
      readonly limit?: number;
    }
  | { readonly kind: "https"; readonly url: string };

/** Each costs a look-up and a message. RFC 7489 §6.2 asks for two at least. */
export const ruaMax = 5;
const urlMax = 1_024;
const units = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 } as const;

const versions = { dmarc: /^v\s*=\s*DMARC1\s*(;|$)/i, tls: /^v=TLSRPTv1\s*(;|$)/ } as const;

/** The one record among a name's texts, as tags. */
export function reportRecord(
  kind: keyof typeof versions,
  texts: readonly string[],
): ReadonlyMap<string, string> | undefined {
  const records = texts.filter((text) => versions[kind].test(text.trim()));
  return records.length === 1 ? parseTags(records[0] ?? "") : undefined;
}

export function parseRua(value: string): readonly ReportUri[] {
  const found = new Map<string, ReportUri>();
  for (const part of value.split(",")) {
    const uri = mailUri(part.trim()) ?? httpsUri(part.trim());
    if (uri === undefined || found.size >= ruaMax) continue;
    const key = uriText(uri);
    if (!found.has(key)) found.set(key, uri);
  }
  return [...found.values()];
}

export const uriText = (uri: ReportUri): string => (uri.kind === "mail" ? `mailto:${uri.address}` : uri.url);

function mailUri(text: string): ReportUri | undefined {
  const parts = /^mailto:([^?!]+)(?:\?[^!]*)?(?:!(\d{1,12})([kmgt]?))?$/i.exec(text);
  if (parts === null) return undefined;
  const [, escaped = "", size, unit = ""] = parts;
  const address = parseAddress(unescaped(escaped));
  if (address === undefined || !isAscii(address)) return undefined;
  if (size === undefined) return { kind: "mail", address };
  const limit = Number(size) * units[unit.toLowerCase() as keyof typeof units];
  return { kind: "mail", address, limit };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function httpsUri(text: string): ReportUri | undefined {
  if (text.length > urlMax || !/^https:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const { href, username, password } = new URL(text);
  return username === "" && password === "" ? { kind: "https", url: href } : undefined;
}
