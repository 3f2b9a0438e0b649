/**
 * What must be there before NATS can be: the keys of the installation, made once, and what the NATS pods include.
 *
 * In:     Secrets of the release namespace, read and made through functions.
 * Out:    who we are to NATS, the key that seals the directory, and the issuer of what daemons are given.
 * Fails:  as the functions do; `UnusableKey` for a Secret that holds something else; `MissingSecret` for one that the user
 *         has to give.
 */
import type { NatsCredential } from "../../daemon/nats/connect.ts";
import { authConf, type Revoked, termsIn, withTerms } from "../../daemon/nats/users/authority.ts";
import type { Installation } from "../desired/installation.ts";
import { keysSecretName, natsAuthSecretName, natsUsersSecretName } from "../desired/names.ts";
import type { Issuer } from "../reconcile/namespace.ts";
import {
  givenIssuer,
  type KeyFiles,
  type Keys,
  keyFiles,
  keysFrom,
  makeKeys,
  type NatsFiles,
  natsFiles,
  operatorCreds,
  ownIssuer,
} from "./authority.ts";
import { UserBook } from "./user-book.ts";

export interface HomeSecrets {
  read(name: string): Promise<KeyFiles | undefined>;
  /** Rejects when there is one already. */
  makeKeys(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>;
  /** Makes it, or replaces what it holds. */
  putNatsAuth(files: NatsFiles): Promise<void>;
  /** Changes these keys of the Secret of NATS's users, which is made when it is missing; `undefined` takes one away. */
  keepUsers(entries: Readonly<Record<string, string | undefined>>): Promise<void>;
}

export interface Bootstrap {
  readonly credential: NatsCredential;
  /** PEM of the authorities that sign NATS's certificate, where it is not one that everybody trusts. */
  readonly ca?: string;
  /** The first seals, all open. */
  readonly directoryKeys: readonly Buffer[];
  readonly issuer: Issuer;
}

export class MissingSecret extends Error {
  override readonly name = "MissingSecret";
}

export async function bootstrap(
  installation: Installation,
  hosts: readonly string[],
  secrets: HomeSecrets,
): Promise<Bootstrap> {
  const { nats } = installation;
  const name = keysSecretName(installation);
  let files = await secrets.read(name);
  if (!files) {
    await secrets.makeKeys(keyFiles(makeKeys()));
    files = await secrets.read(name);
  }
  if (!files) throw new MissingSecret(`Secret ${name} was made, and is gone again`);
  const keys = keysFrom(files, name);
  const directoryKeys =
    keys.otherKey === undefined ? [keys.directoryKey] : [keys.directoryKey, keys.otherKey];
  const ca = nats.caSecret === undefined ? undefined : await textIn(secrets, nats.caSecret, "ca.crt");
  const trusted = ca === undefined ? {} : { ca };
  if (nats.mode === "External") {
    const creds = await textIn(secrets, nats.credentialsSecret ?? "", "user.creds");
    return {
      credential: { kind: "credsText", text: creds },
      ...trusted,
      directoryKeys,
      issuer: givenIssuer(creds, directoryKeys, ca),
    };
  }
  return {
    credential: { kind: "credsText", text: await operatorCreds(keys) },
    ...trusted,
    directoryKeys,
    issuer: ownIssuer(keys, ca, await openBook(installation, hosts, secrets, keys)),
  };
}

/** NATS's Secret is there then, and refuses whoever is revoked. */
async function openBook(
  installation: Installation,
  hosts: readonly string[],
  secrets: HomeSecrets,
  keys: Keys,
): Promise<UserBook> {
  const readAuth = async () =>
    (await secrets.read(natsAuthSecretName(installation)))?.get("auth.conf")?.toString("utf8");
  const storeOctets = storeOctetsOf(installation);
  const put = async (auth: string, revoked: Revoked) => {
    const anew = await withTerms(auth, keys.authority, { revoked, storeOctets });
    await secrets.putNatsAuth(natsFiles(keys, hosts, anew));
  };
  let auth = await readAuth();
  if (auth === undefined) {
    const files = natsFiles(keys, hosts, await authConf(keys.authority, { storeOctets }));
    await secrets.putNatsAuth(files);
    auth = files.authConf;
  } else if (termsIn(auth).storeOctets !== storeOctets) await put(auth, termsIn(auth).revoked);
  return UserBook.open({
    kept: await secrets.read(natsUsersSecretName(installation)),
    inForce: termsIn(auth).revoked,
    keep: (entries) => secrets.keepUsers(entries),
    enforce: async (revoked) => put((await readAuth()) ?? auth, revoked),
    now: () => Date.now(),
  });
}

/**
 * What our account may take of the disks of all NATS pods together. A server that reaches its own bound stops its streams
 * until it has more room; an account that does is refused new records, and daemons, who are told the bound, refuse mail
 * long before.
 */
const storeOctetsOf = ({ nats }: Installation): number | undefined =>
  nats.store === undefined ? undefined : nats.store * nats.replicas;

async function textIn(secrets: HomeSecrets, name: string, file: string): Promise<string> {
  const text = (await secrets.read(name))?.get(file)?.toString("utf8");
  if (text) return text;
  throw new MissingSecret(`there is no Secret ${name} with ${file} in the release namespace; add it`);
}
