/**
 * A nats-server as in a cluster: TLS, and whoever comes in has creds that the operator made. The streams are made.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "../../daemon/kit/log.ts";
import { connectNats, type Link } from "../../daemon/nats/connect.ts";
import { namespaceKeyText } from "../../daemon/nats/directory/keys.ts";
import { ensureInstallation, ensureNamespaceMailboxes, unbounded } from "../../daemon/nats/installation.ts";
import { authConf, makeAuthority, mintCreds } from "../../daemon/nats/users/authority.ts";
import type { NatsUser } from "../../daemon/nats/users/permissions.ts";
import { makeCertificate } from "./certificates.ts";
import { startNats, type TestNats } from "./nats-server.ts";
import { unhurried } from "./patient.ts";

export const operator: NatsUser = { kind: "operator" };
export const shared: NatsUser = { kind: "shared" };
export const tenant = (namespace: string): NatsUser => ({ kind: "namespace", namespace });

export interface TenantNats extends AsyncDisposable {
  readonly nats: TestNats;
  readonly master: Buffer;
  /** Each call is another user. */
  link(user: NatsUser): Promise<Link>;
  /** The environment of a daemon of that user. */
  env(user: NatsUser): Promise<Record<string, string>>;
}

/** `namespaces` have mailboxes of their own. `bare`: as before the operator has made anything. */
export async function startTenantNats(namespaces: readonly string[] = [], bare = false): Promise<TenantNats> {
  await using parts = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "postfleet-tenants-"));
  parts.defer(() => rm(dir, { recursive: true, force: true }));
  const authority = makeAuthority();
  const ca = join(dir, "ca.crt");
  const tls = await certified(dir, ca);
  const auth = await authConf(authority);
  const nats = parts.use(await startNats(undefined, { auth, maxStoreBytes: 4 * 2 ** 30, extra: tls }));
  const master = randomBytes(32);
  const credsOf = async (user: NatsUser) => {
    const file = join(dir, `${randomBytes(6).toString("hex")}.creds`);
    await writeFile(file, await mintCreds(authority, user), { mode: 0o600 });
    return file;
  };
  const link = async (user: NatsUser) => {
    const credential = { kind: "creds", file: await credsOf(user) } as const;
    const target = { servers: [nats.url], credential, name: "test", ca: await readFile(ca, "utf8") };
    return unhurried(await connectNats(target, silent));
  };
  const env = async (user: NatsUser) => {
    const key = join(dir, `${randomBytes(6).toString("hex")}.key`);
    await writeFile(key, user.kind === "namespace" ? namespaceKeyText(master, user.namespace) : master);
    return { NATS_CREDS: await credsOf(user), NATS_CA: ca, POSTFLEET_DIRECTORY_KEY_FILE: key };
  };
  if (!bare) {
    await using made = await link(operator);
    await ensureInstallation(made, unbounded(1));
    for (const namespace of namespaces) await ensureNamespaceMailboxes(made, namespace, 1);
  }
  const owned = parts.move();
  return { nats, master, link, env, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

export interface Tenants extends TenantNats {
  /** Of who may do everything, as `everything` has it. */
  readonly all: Link;
  /** Of the namespace's own daemons. */
  readonly own: Link;
}

/** The same with two who are connected until it ends. */
export async function startTenants(
  namespace: string,
  { everything = operator, mailboxes = false }: { everything?: NatsUser; mailboxes?: boolean } = {},
): Promise<Tenants> {
  await using parts = new AsyncDisposableStack();
  const world = parts.use(await startTenantNats(mailboxes ? [namespace] : []));
  const all = parts.use(await world.link(everything));
  const own = parts.use(await world.link(tenant(namespace)));
  const owned = parts.move();
  return { ...world, all, own, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The server's configuration for TLS. */
async function certified(dir: string, ca: string): Promise<string> {
  const { cert, key } = await makeCertificate("localhost", "127.0.0.1");
  const keyFile = join(dir, "tls.key");
  await writeFile(ca, cert);
  await writeFile(keyFile, key, { mode: 0o600 });
  return `\ntls { cert_file: ${JSON.stringify(ca)}, key_file: ${JSON.stringify(keyFile)} }\n`;
}
