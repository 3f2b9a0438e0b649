/**
 * What a Secret holds, as text: everything that resources refer to is text.
 *
 * Out:    the Secret for those who declare; a sentence for each key that is lacking, or that is no text.
 */
import { isUtf8 } from "node:buffer";
import type { Secret } from "../../crds/resource.ts";
import type { SecretContent } from "./secrets.ts";

/** A final line end, which editors and `--from-file` leave behind, is cut off. What is no text is left out. */
export const secretOf = (namespace: string, name: string, content: SecretContent): Secret => ({
  kind: "Secret",
  namespace,
  name,
  data: new Map(
    [...content]
      .filter(([, octets]) => isUtf8(octets))
      .map(([key, octets]) => [key, octets.toString("utf8").replace(/\r?\n$/, "")]),
  ),
});

/** The final line end is no value. */
const isEmpty = (octets: Buffer): boolean => /^\r?\n?$/.test(octets.toString("latin1", 0, 3));

export function lacking(name: string, keys: readonly string[], content: SecretContent | undefined): string[] {
  if (!content) return [`there is no Secret ${name}; add it, or correct the name`];
  return keys.flatMap((key) => {
    const octets = content.get(key);
    if (octets && isEmpty(octets)) return [`key ${key} of Secret ${name} is empty; put a value there`];
    if (octets) return [];
    const others = [...content.keys()].join(", ") || "none";
    return [`Secret ${name} has no key ${key} (its keys: ${others}); add it, or correct the key`];
  });
}

export const garbled = (keys: readonly string[], content: SecretContent): string[] =>
  keys
    .filter((key) => !isUtf8(content.get(key) ?? Buffer.alloc(0)))
    .map((key) => `key ${key} is no text in UTF-8; write it anew`);
