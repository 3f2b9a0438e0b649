/**
 * MTA-STS policies: a domain says which hosts take its mail, and that they do so with a valid certificate only.
 *
 * In:     the text of a policy, the text of a record; host names.
 * Out:    a policy; whether a host fits it; our own policy's text and id.
 * Fails:  `undefined` for what is no policy or no record.
 * Spec:   RFC 8461 §3.1 (record), §3.2 (policy), §4.1 (matching).
 */
import { createHash } from "node:crypto";
import { parseTags } from "./tags.ts";

export type StsMode = "enforce" | "testing" | "none";

export interface StsPolicy {
  readonly mode: StsMode;
  /** Host names, or `*.` and a name for one label more. Lower-case. */
  readonly mx: readonly string[];
  readonly maxAgeSeconds: number;
}

/** RFC 8461 §3.2: about a year. */
const longestSeconds = 31_557_600;
const mxMax = 100;
const nameMax = 255;
/** RFC 8461 §3.2: sts-policy-ext-name */
const fieldName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;
const mxPattern = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]+$/;

export function parseStsPolicy(text: string): StsPolicy | undefined {
  const values = new Map<string, string>();
  const mx: string[] = [];
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    const key = line.slice(0, Math.max(colon, 0)).trim();
    const value = line.slice(colon + 1).trim();
    if (colon < 0) {
      if (value !== "") return undefined;
    } else if (!fieldName.test(key)) return undefined;
    else if (key !== "mx") {
      if (!values.has(key)) values.set(key, value); // RFC 8461 §3.2: of a repeated field the first counts
    } else if (mx.length < mxMax && value.length <= nameMax && mxPattern.test(value.toLowerCase()))
      mx.push(value.toLowerCase());
    else return undefined;
  }
  const mode = values.get("mode");
  const age = values.get("max_age") ?? "";
  if (values.get("version") !== "STSv1" || !/^\d{1,10}$/.test(age)) return undefined;
  if (mode !== "enforce" && mode !== "testing" && mode !== "none") return undefined;
  if (mode !== "none" && mx.length === 0) return undefined;
  return { mode, mx, maxAgeSeconds: Math.min(Number(age), longestSeconds) };
}

/** The id in the record; exactly one of the texts must be a record. */
export function stsRecordId(texts: readonly string[]): string | undefined {
  const records = texts.filter((text) => /^v=STSv1\s*(;|$)/.test(text));
  const id = records.length === 1 ? parseTags(records[0] ?? "")?.get("id") : undefined;
  return id !== undefined && /^[A-Za-z0-9]{1,32}$/.test(id) ? id : undefined;
}

/** RFC 8461 §4.1: a wildcard stands for exactly one label. */
export function fitsSts({ mx }: Pick<StsPolicy, "mx">, host: string): boolean {
  const above = host.slice(host.indexOf(".") + 1);
  return mx.some((pattern) => (pattern.startsWith("*.") ? pattern.slice(2) === above : pattern === host));
}

export function formatStsPolicy({ mode, mx, maxAgeSeconds }: StsPolicy): string {
  const lines = [
    "version: STSv1",
    `mode: ${mode}`,
    ...mx.map((host) => `mx: ${host}`),
    `max_age: ${maxAgeSeconds}`,
  ];
  return `${lines.join("\r\n")}\r\n`;
}

/** Changes with the policy. RFC 8461 §3.1: up to 32 letters and digits. */
export const stsPolicyId = (policy: StsPolicy): string =>
  createHash("sha256").update(formatStsPolicy(policy)).digest("hex").slice(0, 20);
