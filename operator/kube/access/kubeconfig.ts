/**
 * Access by kubeconfig files, as kubectl reads them.
 *
 * In:     one path, or several as in `$KUBECONFIG`: the first to name a cluster, user or context has its way; files that
 *         are missing among several are passed over; paths inside a file start at that file.
 * Fails:  `NoAccess` that names the file and the entry. The auth providers that kubectl dropped in 1.26 are refused, with
 *         the way to replace them.
 */
import { readFile } from "node:fs/promises";
import { delimiter, dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { Clock } from "../../../daemon/kit/clock.ts";
import { type Access, type Credential, type Env, NoAccess, type Trust } from "./access.ts";
import { ExecCredentials, type ExecPlugin } from "./exec.ts";
import { TokenFile } from "./token-file.ts";

interface Cluster {
  readonly server?: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "tls-server-name"?: string;
  readonly "proxy-url"?: string;
}

interface User {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly exec?: ExecPlugin;
  readonly "auth-provider"?: { readonly name?: string };
  readonly username?: string;
}

interface Context {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
}

interface File {
  readonly "current-context"?: string;
  readonly clusters?: readonly { readonly name: string; readonly cluster: Cluster }[] | null;
  readonly users?: readonly { readonly name: string; readonly user: User }[] | null;
  readonly contexts?: readonly { readonly name: string; readonly context: Context }[] | null;
}

interface Entry<T> {
  readonly value: T;
  readonly folder: string;
}

export async function fromKubeconfig(paths: string, env: Env, clock: Clock): Promise<Access> {
  const files = await readAll(paths.split(delimiter).filter(Boolean));
  const current = files.map(({ value }) => value["current-context"]).find(Boolean);
  if (current === undefined) throw new NoAccess(`${paths}: names no current-context`);
  const { value: context } = find(files, "contexts", current, ({ context }) => context);
  const cluster = find(files, "clusters", context.cluster, ({ cluster }) => cluster);
  const user: Entry<User> = context.user
    ? find(files, "users", context.user, ({ user }) => user)
    : { value: {}, folder: "" };
  if (cluster.value["proxy-url"])
    throw new NoAccess(`${paths}: proxy-url is not supported: reach the API server directly`);
  return {
    server: serverOf(cluster.value.server, paths),
    trust: await trustOf(cluster),
    namespace: context.namespace,
    ...(await identityOf(user, env, clock)),
  };
}

async function readAll(paths: readonly string[]): Promise<readonly Entry<File>[]> {
  const files: Entry<File>[] = [];
  for (const path of paths) {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" && paths.length > 1) return undefined;
      throw new NoAccess(`the kubeconfig ${path} cannot be read: ${error.message}`, { cause: error });
    });
    if (text === undefined) continue;
    const value: unknown = parse(text);
    if (typeof value !== "object" || value === null) throw new NoAccess(`${path} is no kubeconfig`);
    files.push({ value, folder: dirname(resolve(path)) });
  }
  return files;
}

type Named<K extends "clusters" | "users" | "contexts"> = NonNullable<NonNullable<File[K]>[number]>;

function find<K extends "clusters" | "users" | "contexts", T>(
  files: readonly Entry<File>[],
  list: K,
  name: string | undefined,
  pick: (entry: Named<K>) => T | undefined,
): Entry<T> {
  for (const { value: file, folder } of files) {
    const entries = (file[list] ?? []) as readonly Named<K>[];
    const entry = entries.find((each) => each.name === name);
    const value = entry && pick(entry);
    if (value !== undefined) return { value, folder };
  }
  throw new NoAccess(`the kubeconfig has no entry "${name ?? ""}" among its ${list}`);
}

function serverOf(text: string | undefined, paths: string): URL {
  const url = text === undefined ? null : URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new NoAccess(
    `${paths}: the server's address is ${text ?? "missing"}; it looks like https://10.0.0.1:6443`,
  );
}

/** Embedded data goes before a file, as in kubectl. */
async function pem(
  data: string | undefined,
  file: string | undefined,
  folder: string,
): Promise<string | undefined> {
  if (data) return Buffer.from(data, "base64").toString("utf8");
  return file ? readFile(resolve(folder, file), "utf8") : undefined;
}

async function trustOf({ value, folder }: Entry<Cluster>): Promise<Trust> {
  return {
    ca: await pem(value["certificate-authority-data"], value["certificate-authority"], folder),
    serverName: value["tls-server-name"],
    unverified: value["insecure-skip-tls-verify"] === true,
  };
}

type Identity = Pick<Access, "credential" | "refused">;
const nothing = () => {};

async function identityOf({ value, folder }: Entry<User>, env: Env, clock: Clock): Promise<Identity> {
  if (value["auth-provider"])
    throw new NoAccess(
      `the auth provider ${value["auth-provider"].name ?? ""} is obsolete: use an exec plugin`,
    );
  if (value.username) throw new NoAccess("the API server knows no user names with passwords any more");
  if (value.exec) {
    // A program with a path is meant from the kubeconfig; one without is looked for in PATH.
    const { command } = value.exec;
    const plugin = command?.includes("/") ? { ...value.exec, command: resolve(folder, command) } : value.exec;
    const exec = new ExecCredentials(plugin, env, clock);
    return { credential: () => exec.credential(), refused: () => exec.forget() };
  }
  if (value.tokenFile) {
    const file = new TokenFile(resolve(folder, value.tokenFile), clock);
    return { credential: async () => ({ token: await file.token() }), refused: () => file.forget() };
  }
  const fixed: Credential = {
    token: value.token,
    cert: await pem(value["client-certificate-data"], value["client-certificate"], folder),
    key: await pem(value["client-key-data"], value["client-key"], folder),
  };
  return { credential: async () => fixed, refused: nothing };
}
