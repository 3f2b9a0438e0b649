/**
 * What a creds file says of its user, read without a look at the signature: the server checks that.
 *
 * Fails: `undefined` for what is no creds file.
 */
import { decode, type User } from "@nats-io/jwt";

export const namespaceTag = "postfleet-namespace:";

export function claimsIn(creds: string) {
  const token = /-----BEGIN NATS USER JWT-----\s+(\S+)\s/.exec(creds)?.[1];
  try {
    return token === undefined ? undefined : decode<User>(token);
  } catch {
    return undefined;
  }
}

/** The namespace that these creds are confined to. */
export function namespaceOf(creds: string): string | undefined {
  const tag = claimsIn(creds)?.nats.tags?.find((each) => each.startsWith(namespaceTag));
  return tag?.slice(namespaceTag.length);
}
