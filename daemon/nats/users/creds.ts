/**
 * What a creds file says of its user, read without a look at the signature: the server checks that.
 *
 * Fails: `undefined` for what is no creds file.
 */
import type { ClaimsData, User } from "@nats-io/jwt";

export const namespaceTag = "postfleet-namespace:";

/** Not by the package's `decode`: it verifies the signature in JavaScript, which takes 10 ms and more. */
export function claimsIn(creds: string): ClaimsData<User> | undefined {
  const claims = /-----BEGIN NATS USER JWT-----\s+[\w-]+\.([\w-]+)\.[\w-]+\s/.exec(creds)?.[1];
  try {
    if (claims === undefined) return undefined;
    const found = JSON.parse(Buffer.from(claims, "base64url").toString("utf8")) as ClaimsData<User>;
    return typeof found?.nats === "object" && found.nats !== null ? found : undefined;
  } catch {
    return undefined;
  }
}

/** The namespace that these creds are confined to. */
export function namespaceOf(creds: string): string | undefined {
  const tags: unknown = claimsIn(creds)?.nats.tags;
  if (!Array.isArray(tags)) return undefined;
  const tag = tags.find((each) => typeof each === "string" && each.startsWith(namespaceTag));
  return tag?.slice(namespaceTag.length);
}
