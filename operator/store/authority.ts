/**
 * The keys of an installation, and what daemons are given by them.
 *
 * Kept:   once, in the Secret `<name>-keys` of the release namespace, which no daemon mounts: the seeds that sign users of
 *         NATS, the master key of the directory, the password of NATS among its own. `<name>-nats-auth` is what the NATS
 *         pods include.
 * In:     the Secrets as they are; chance, where there are none.
 * Fails:  `UnusableKey` when somebody made a Secret of that name that holds something else: it is never overwritten, since
 *         what it sealed could not be opened any more.
 * Where NATS is the user's own, one credential of theirs is for all daemons; the directory's keys are ours all the same.
 */
import { createHash, randomBytes } from "node:crypto";
import { keyOctets, namespaceKeyText, UnusableKey } from "../../daemon/nats/directory/keys.ts";
import { type Authority, makeAuthority, mintCreds, userOf } from "../../daemon/nats/users/authority.ts";
import { routesConf } from "../desired/nats-routes.ts";
import type { DaemonCredentials, Issuer } from "../reconcile/namespace.ts";
import type { UserBook } from "./user-book.ts";

/** Files of the Secret `<name>-keys`. */
export type KeyFiles = ReadonlyMap<string, Buffer>;

export interface Keys {
  readonly authority: Authority;
  readonly directoryKey: Buffer;
  /** Accepted and given to daemons, but nothing is sealed with it: a key that comes, or one that goes. */
  readonly otherKey?: Buffer;
  readonly routesPassword: string;
}

const seeds = ["operator", "system", "account", "signing"] as const;

export const makeKeys = (): Keys => ({
  authority: makeAuthority(),
  directoryKey: randomBytes(keyOctets),
  routesPassword: randomBytes(24).toString("base64url"),
});

export function keyFiles({
  authority,
  directoryKey,
  routesPassword,
}: Keys): Record<string, string | Uint8Array> {
  return {
    ...Object.fromEntries(seeds.map((name) => [`${name}.seed`, authority[name]])),
    "directory.key": directoryKey,
    "routes.password": routesPassword,
  };
}

export function keysFrom(files: KeyFiles, secret: string): Keys {
  const text = (file: string): string => {
    const value = files.get(file)?.toString("utf8");
    if (value) return value;
    throw new UnusableKey(
      `Secret ${secret} has no ${file}; restore it from a backup, or delete the Secret to begin with new keys`,
    );
  };
  const [operator, system, account, signing] = seeds.map((name) => text(`${name}.seed`)) as [
    string,
    string,
    string,
    string,
  ];
  const directoryKey = files.get("directory.key");
  if (directoryKey?.length !== keyOctets)
    throw new UnusableKey(
      `Secret ${secret} has no directory.key of ${keyOctets} octets; restore it from a backup, or delete the Secret`,
    );
  const otherKey = files.get("directory.other.key");
  if (otherKey !== undefined && otherKey.length !== keyOctets)
    throw new UnusableKey(`the directory.other.key of Secret ${secret} has not ${keyOctets} octets`);
  return {
    authority: { operator, system, account, signing },
    directoryKey,
    ...(otherKey === undefined ? {} : { otherKey }),
    routesPassword: text("routes.password"),
  };
}

export interface NatsFiles {
  readonly authConf: string;
  readonly routesConf: string;
}

/**
 * What the NATS pods include: `auth.conf` at the top, `routes.conf` inside `cluster`. `hosts`: `HOST:PORT` of each.
 */
export function natsFiles({ routesPassword }: Keys, hosts: readonly string[], auth: string): NatsFiles {
  return { authConf: auth, routesConf: routesConf(hosts, routesPassword) };
}

/** Changes when every daemon must be given something new. */
const idOf = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash("sha256").update("postfleet issuer\0");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex").slice(0, 16);
};

/** Counts up when what users may do changes. */
const permissions = "4";

export function ownIssuer(keys: Keys, ca: string | undefined, book: UserBook): Issuer {
  const { authority, directoryKey, otherKey } = keys;
  const given = otherKey === undefined ? [directoryKey] : [directoryKey, otherKey];
  return {
    id: idOf(permissions, authority.signing, ...given, ca ?? ""),
    async issue(namespace): Promise<DaemonCredentials> {
      const user =
        namespace === undefined ? ({ kind: "shared" } as const) : ({ kind: "namespace", namespace } as const);
      const creds = await mintCreds(authority, user);
      if (namespace !== undefined) await book.add(namespace, userOf(creds) ?? "");
      return { creds, ...keyAndCa(given, namespace, ca) };
    },
    holders: () => book.namespaces(),
    isHolder: (namespace) => book.has(namespace),
    revoke: (namespace) => book.revoke(namespace),
  };
}

/** The user's own NATS: one credential for all, which is not ours to revoke. */
export function givenIssuer(creds: string, given: readonly Buffer[], ca: string | undefined): Issuer {
  return {
    id: idOf(creds, ...given, ca ?? ""),
    issue: async (namespace) => ({ creds, ...keyAndCa(given, namespace, ca) }),
    holders: () => [],
    isHolder: () => true,
    revoke: async () => {},
  };
}

function keyAndCa(
  masters: readonly Buffer[],
  namespace: string | undefined,
  ca: string | undefined,
): Omit<DaemonCredentials, "creds"> {
  const line = (master: Buffer) =>
    namespace === undefined ? `${master.toString("base64")}\n` : namespaceKeyText(master, namespace);
  const directoryKey = Buffer.from(masters.map(line).join(""));
  return { directoryKey, ...(ca === undefined ? {} : { ca }) };
}

/** The operator's own user. */
export const operatorCreds = ({ authority }: Keys): Promise<string> =>
  mintCreds(authority, { kind: "operator" });
