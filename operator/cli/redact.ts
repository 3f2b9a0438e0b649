/**
 * Takes out of a report what nobody else needs to see. Pure.
 *
 * What goes: the local parts of addresses (each becomes a short mark, the same for the same address within one report, so
 * that a reader can follow it), passwords and keys (PEM blocks, PHC strings, SCRAM verifiers, credentials in URLs, bearer
 * tokens), values of environment variables and annotations, managed fields. Domains and host names stay: without them
 * nothing about mail can be understood; `report` says so.
 */
import { createHmac } from "node:crypto";
import type { KubeObject } from "../kube/object.ts";

/** Never in a report, wherever they stand. */
const secretText: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g, "[key removed]"],
  [/\$(?:argon2(?:id|i|d)|2[aby]|5|6|scrypt)\$[^\s"']+/g, "[hash removed]"],
  [/SCRAM-SHA-(?:1|256|512)\$[^\s"',]+/g, "[verifier removed]"],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "[token removed]"],
  [/\b(SU|SA|SO|SN|SC|SX)[A-Z2-7]{50,}\b/g, "[seed removed]"],
  [/([a-z][a-z0-9+.-]*:\/\/)[^/\s@:"']+:[^/\s@"']+@/gi, "$1[credential removed]@"],
  [/\b(AUTH(?:ENTICATE)? [A-Z0-9-]+) [A-Za-z0-9+/=]{8,}/g, "$1 [removed]"],
  [
    /((?:password|passwd|secret|token|authorization)["']?\s*[:=]\s*)(?:"[^"]*"|'[^']*'|(?:Bearer |Basic )?[^\s,;}]+)/gi,
    "$1[removed]",
  ],
];

/** Generous on both sides: better a mark too many than an address too many. */
const address = /[^\s<>"'(),:;\\[\]@=]+@(?=[\p{L}\p{N}_-]+\.[\p{L}\p{N}.-]+)/gu;

export type Redact = (text: string) => string;

/** `key`: random octets of this report, so that marks cannot be looked up by trying addresses. */
export function redactor(key: Uint8Array): Redact {
  const mark = (local: string) =>
    `user-${createHmac("sha256", key).update(local.toLowerCase()).digest("hex").slice(0, 8)}@`;
  return (text) => {
    let clean = text;
    for (const [pattern, instead] of secretText) clean = clean.replace(pattern, instead);
    return clean.replace(address, (found) => mark(found.slice(0, -1)));
  };
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** An object without what is long, foreign or secret. Secrets never come here: `report` does not ask for them. */
export function leanObject(object: KubeObject): Json {
  const {
    managedFields: _,
    annotations,
    ...metadata
  } = object.metadata as KubeObject["metadata"] & {
    readonly managedFields?: unknown;
  };
  const kept = Object.fromEntries(Object.keys(annotations ?? {}).map((key) => [key, "[removed]"]));
  const whole = { ...object, metadata: { ...metadata, ...(annotations ? { annotations: kept } : {}) } };
  return withoutValues(whole as unknown as Json);
}

/** `env: [{name, value}]` keeps the names. */
function withoutValues(value: Json, within = ""): Json {
  if (Array.isArray(value)) return value.map((each: Json) => withoutValues(each, within));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      within === "env" && key === "value" ? "[removed]" : withoutValues(each, key),
    ]),
  );
}
