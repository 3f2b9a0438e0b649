/**
 * Who may use our NATS: the keys of an operator and an account, the part of the server's configuration that trusts them,
 * and the credentials of users. Decentralised: a new user needs no change of the server, which verifies signatures.
 *
 * In:     `makeAuthority`: chance. Everything else: the authority, as it was kept.
 * Out:    texts to be kept in Secrets: `auth.conf` to be included by the server's configuration, creds files for clients.
 * Safety: whoever holds the authority can make any user; daemons never see it. Creds say nothing of other namespaces.
 * Spec:   NATS JWT v2; the server's `resolver: MEMORY`.
 */
import {
  type Account,
  createAccount,
  createOperator,
  createUser,
  decode,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  fromSeed,
  type KeyPair,
  type User,
} from "@nats-io/jwt";
import { claimsIn, namespaceTag } from "./creds.ts";
import { type NatsUser, permissionsOf } from "./permissions.ts";

/** Seeds of nkeys, as text. */
export interface Authority {
  readonly operator: string;
  /** Of the account that holds nothing but the server's own events. */
  readonly system: string;
  readonly account: string;
  /** Signs users in the account's name. */
  readonly signing: string;
}

const text = (octets: Uint8Array): string => new TextDecoder().decode(octets);
const keyOf = (seed: string) => fromSeed(new TextEncoder().encode(seed));

/** Deriving a key takes milliseconds, and whoever signs or is signed for is asked for it again and again. */
function remembering(pair: KeyPair): KeyPair {
  const id = pair.getPublicKey();
  let own: Uint8Array | undefined;
  const derive = pair.getPrivateKey.bind(pair);
  return Object.assign(pair, {
    getPublicKey: () => id,
    getPrivateKey: () => {
      own ??= derive();
      return own;
    },
  });
}

/** By seed: a namespace's user is signed for each namespace that there is. */
const signers = new Map<string, KeyPair>();
function signerOf(seed: string): KeyPair {
  const known = signers.get(seed) ?? remembering(keyOf(seed));
  signers.set(seed, known);
  return known;
}

const publicKeys = new Map<string, string>();
function publicKeyOf(seed: string): string {
  const known = publicKeys.get(seed) ?? keyOf(seed).getPublicKey();
  publicKeys.set(seed, known);
  return known;
}

export function makeAuthority(): Authority {
  const seedOf = (pair: { getSeed(): Uint8Array }) => text(pair.getSeed());
  return {
    operator: seedOf(createOperator()),
    system: seedOf(createAccount()),
    account: seedOf(createAccount()),
    signing: seedOf(createAccount()),
  };
}

const unlimited = {
  conn: -1,
  data: -1,
  exports: -1,
  imports: -1,
  leaf: -1,
  payload: -1,
  subs: -1,
  wildcards: true,
} as const;
const jetstream = { mem_storage: -1, streams: -1, consumer: -1 } as const;

/** Users whose creds hold no longer, by public key, if they were made before then; seconds since the epoch. */
export type Revoked = Readonly<Record<string, number>>;

/** What holds for our account. */
export interface Terms {
  readonly revoked?: Revoked;
  /** Octets on the disks of all servers together, each copy counted; without it the account knows no bound. */
  readonly storeOctets?: number | undefined;
}

/** What the server's configuration includes. Each call signs anew, so the text differs: make it once and keep it. */
export async function authConf(authority: Authority, terms: Terms = {}): Promise<string> {
  const [operator, system] = [keyOf(authority.operator), keyOf(authority.system)];
  const systemId = publicKeyOf(authority.system);
  const operatorJwt = await encodeOperator("postfleet", operator, { system_account: systemId });
  const systemJwt = await encodeAccount("SYS", system, { limits: unlimited }, { signer: operator });
  return [
    `operator: ${operatorJwt}`,
    `system_account: ${systemId}`,
    "resolver: MEMORY",
    "resolver_preload: {",
    `  ${systemId}: ${systemJwt}`,
    `  ${await accountLine(authority, terms)}`,
    "}",
    "",
  ].join("\n");
}

/**
 * The same configuration with other terms. Nothing but our account's line changes: a server that is told to read its
 * configuration again takes that over, and refuses the whole when its operator was signed anew.
 */
export async function withTerms(conf: string, authority: Authority, terms: Terms): Promise<string> {
  const id = publicKeyOf(authority.account);
  const line = new RegExp(`${id}: *\\S+`);
  if (!line.test(conf)) throw new Error("this configuration of NATS does not name our account");
  const anew = await accountLine(authority, terms);
  return conf.replace(line, () => anew);
}

async function accountLine(authority: Authority, { revoked = {}, storeOctets = -1 }: Terms): Promise<string> {
  const account = keyOf(authority.account);
  const ours = {
    limits: { ...unlimited, ...jetstream, disk_storage: storeOctets },
    signing_keys: [publicKeyOf(authority.signing)],
    ...(Object.keys(revoked).length > 0 ? { revocations: { ...revoked } } : {}),
  };
  const jwt = await encodeAccount("POSTFLEET", account, ours, { signer: keyOf(authority.operator) });
  return `${publicKeyOf(authority.account)}: ${jwt}`;
}

/** The terms in a configuration; none in what is no such text. */
export function termsIn(conf: string): {
  readonly revoked: Revoked;
  readonly storeOctets: number | undefined;
} {
  const accounts = [...conf.matchAll(/^ *A[A-Z2-7]{55}: *(\S+)$/gm)].flatMap(([, token = ""]) => {
    try {
      return [decode<Account>(token).nats];
    } catch {
      return [];
    }
  });
  // The system's account has none of either.
  const revoked = Object.fromEntries(
    accounts.flatMap((account) => Object.entries(account.revocations ?? {})),
  );
  const bounds = accounts.map(({ limits }) => limits?.disk_storage ?? 0);
  return { revoked, storeOctets: bounds.find((octets) => octets > 0) };
}

const nameOf = (user: NatsUser): string =>
  user.kind === "namespace" ? user.namespace : `postfleet ${user.kind}`;
const tagsOf = (user: NatsUser): string[] =>
  user.kind === "namespace" ? [`${namespaceTag}${user.namespace}`] : [];

/** A creds file for a new user. It holds until it is revoked, or the authority is made anew. */
export async function mintCreds(authority: Authority, user: NatsUser, shards = 1): Promise<string> {
  const pair = remembering(createUser());
  const signer = signerOf(authority.signing);
  const claims = claimsOf(authority, user, shards);
  return text(fmtCreds(await encodeUser(nameOf(user), pair, signer, claims), pair));
}

function claimsOf(authority: Authority, user: NatsUser, shards: number): Partial<User> {
  const { pub, sub } = permissionsOf(user, shards);
  const list = ({ allow, deny }: typeof pub) => ({ allow: [...allow], ...(deny ? { deny: [...deny] } : {}) });
  return {
    pub: list(pub),
    sub: list(sub),
    tags: tagsOf(user),
    issuer_account: publicKeyOf(authority.account),
  };
}

/** The user's public key, for a revocation; `undefined` for what is no creds file. */
export const userOf = (creds: string): string | undefined => claimsIn(creds)?.sub;
