/**
 * Does what the DNS says serve the purpose of a wanted record? Owners may say more than we asked for.
 *
 * In:     a wanted record, and the values that were observed at its name, written as `records.ts` writes them.
 * Out:    `Ok`, `Missing`, or `Different` with a note that says what is wrong.
 * Spec:   RFC 7208 §3.2, §4.5 (exactly one SPF record), RFC 7489 §6.6.3 (exactly one DMARC record), RFC 6376 §3.6.1.
 */
import { parseTags } from "../tags.ts";
import type { WantedRecord } from "./records.ts";

export type Finding =
  | { readonly state: "Ok" | "Missing" }
  | { readonly state: "Different"; readonly note: string };

const ok: Finding = { state: "Ok" };
const missing: Finding = { state: "Missing" };
const different = (note: string): Finding => ({ state: "Different", note });

export function compare(wanted: WantedRecord, observed: readonly string[]): Finding {
  switch (wanted.purpose) {
    case "mx":
      return compareMx(wanted.value, observed);
    case "service":
      return compareService(wanted.value, observed);
    case "mtaStsHost":
      return observed.length === 0
        ? missing
        : observed.includes(wanted.value)
          ? ok
          : different("it leads elsewhere");
    default:
      return compareText(wanted, observed);
  }
}

const hostOf = (value: string): string => value.slice(value.lastIndexOf(" ") + 1).toLowerCase();

/** The preference is the owner's affair, and so are further hosts. */
function compareMx(wanted: string, observed: readonly string[]): Finding {
  if (observed.length === 0) return missing;
  if (observed.some((value) => hostOf(value) === hostOf(wanted))) return ok;
  return different(`mail goes to ${observed.map(hostOf).join(", ")}`);
}

function compareService(wanted: string, observed: readonly string[]): Finding {
  const place = (value: string) => value.toLowerCase().split(" ").slice(2).join(" ");
  const hasNone = observed.length === 0;
  // "Not here" is also said by silence.
  if (hostOf(wanted) === ".")
    return hasNone || observed.some((v) => hostOf(v) === ".")
      ? ok
      : different("mail programs are sent to a port without TLS");
  if (hasNone) return missing;
  return observed.some((value) => place(value) === place(wanted))
    ? ok
    : different("mail programs are sent elsewhere");
}

/** How each kind of text record begins. Others may lie at the same name. */
const versions = {
  spf: /^v=spf1( |$)/i,
  dkim: /^/,
  dmarc: /^v\s*=\s*DMARC1\s*(;|$)/,
  mtaSts: /^v=STSv1\s*(;|$)/,
  tlsReporting: /^v=TLSRPTv1\s*(;|$)/,
} as const;

function compareText(wanted: WantedRecord, observed: readonly string[]): Finding {
  const purpose = wanted.purpose as keyof typeof versions;
  const ours = observed.filter((text) => versions[purpose].test(text));
  const [first] = ours;
  if (first === undefined) return missing;
  if (ours.length > 1)
    return different(`there are ${ours.length} such records, and so none counts: keep one`);
  return compareOne[purpose](wanted.value, first);
}

type CompareOne = (wanted: string, observed: string) => Finding;

const compareOne: Readonly<Record<keyof typeof versions, CompareOne>> = {
  spf: (wanted, observed) => {
    const terms = new Set(observed.toLowerCase().split(/ +/).map(withoutPlus));
    const lacking = wanted
      .split(" ")
      .filter((term) => !/^[~?+-]?all$/.test(term) && !terms.has(withoutPlus(term.toLowerCase())));
    if (lacking.length > 0) return different(`it lacks ${lacking.join(" ")}`);
    return terms.has("all") ? different("+all lets everybody send for this domain") : ok;
  },
  dkim: (wanted, observed) => {
    const [want, have] = [parseTags(wanted), parseTags(observed)];
    if (have === undefined) return different("it is no DKIM record");
    const key = (tags: ReadonlyMap<string, string> | undefined) => tags?.get("p")?.replace(/\s/g, "");
    if (key(have) === "") return different("it says that the key was revoked");
    const fits = key(have) === key(want) && (have.get("k") ?? "rsa") === (want?.get("k") ?? "rsa");
    return fits ? ok : different("it holds another key");
  },
  dmarc: (wanted, observed) => {
    const [want, have] = [parseTags(wanted), parseTags(observed)];
    if (!/^(none|quarantine|reject)$/i.test(have?.get("p") ?? "")) return different("it has no valid p=");
    const rua = want?.get("rua");
    return rua === undefined || uris(have?.get("rua")).has(rua.toLowerCase())
      ? ok
      : different(`rua= lacks ${rua}`);
  },
  mtaSts: (wanted, observed) =>
    parseTags(observed)?.get("id") === parseTags(wanted)?.get("id")
      ? ok
      : different("its id is not that of our policy"),
  tlsReporting: (wanted, observed) => {
    const rua = parseTags(wanted)?.get("rua") ?? "";
    return uris(parseTags(observed)?.get("rua")).has(rua.toLowerCase()) ? ok : different(`rua= lacks ${rua}`);
  },
};

const withoutPlus = (term: string): string => (term.startsWith("+") ? term.slice(1) : term);

/** `mailto:a@x!10m, https://…`: a size limit is no part of the address. RFC 7489 §6.3 */
const uris = (list: string | undefined): ReadonlySet<string> =>
  new Set((list ?? "").split(",").map((uri) => (uri.trim().split("!")[0] ?? "").toLowerCase()));
