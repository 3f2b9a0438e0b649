/**
 * Installations that are there to be hurt: the laptop's (one process with a private NATS), and the cluster's in small
 * (a NATS that others run, and each role in a process of its own). Both from the same resources.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listenerDefaults } from "../../daemon/run/options.ts";
import { freePort } from "../harness/free-port.ts";
import { startNats, type TestNats } from "../harness/nats-server.ts";
import { Daemon } from "./daemon.ts";
import { type Host, here } from "./lan.ts";
import type { Reach } from "./mail-found.ts";
import { home, mailboxes, senderMailbox } from "./mix.ts";

/** How mail leaves, and who may send it. */
export interface Ways {
  /** Everything that leaves goes there; by MX records when absent. */
  readonly smarthost?: { readonly host: string; readonly port: number };
  /** Clients' network. */
  readonly clients?: string;
  /** What is deferred is tried again every other second unless told otherwise. */
  readonly retry?: string;
}

const everyOther = "{initial: 2s, factor: 1, max: 2s, expireAfter: 1h, delayNoticeAfter: 0s}";

function resources({ smarthost, clients = "127.0.0.0/8", retry = everyOther }: Ways): string {
  const boxes = [senderMailbox, ...mailboxes].map(
    (address) => `apiVersion: mail.postfleet.dev/v1alpha1
kind: Mailbox
metadata: {name: ${address.split("@")[0]}, namespace: default}
spec: {address: ${address}}
---
`,
  );
  const route = smarthost
    ? `
  route: {smarthost: {host: ${smarthost.host}, port: ${smarthost.port}, tls: "Off"}}`
    : "";
  return `${boxes.join("")}apiVersion: mail.postfleet.dev/v1alpha1
kind: MailDomain
metadata: {name: home, namespace: default}
spec: {domain: ${home}}
---
apiVersion: mail.postfleet.dev/v1alpha1
kind: RelayPolicy
metadata: {name: default, namespace: default}
spec:${route}
  acceptFrom: {cidrs: [${clients}]}
  tls: "Off"
  retry: ${retry}
`;
}

/** Listens on nothing but SMTP there, if anywhere. (The health listener is the `Daemon`'s own affair.) */
const listening = (smtp?: string): string[] =>
  Object.keys(listenerDefaults)
    .filter((name) => name !== "health")
    .flatMap((name) => ["--listen", name === "smtp" && smtp !== undefined ? `smtp=${smtp}` : `${name}=off`]);

export interface Installation {
  /** Where clients send to. */
  readonly port: number;
  readonly reach: Reach;
}

export interface Laptop extends Installation, AsyncDisposable {
  readonly daemon: Daemon;
  /** Of the private nats-server; 0 when there is none. */
  natsPid(): Promise<number>;
}

export interface LaptopOptions {
  readonly dir: string;
  /** The data folder, when it is not in `dir`. */
  readonly data?: string;
  /** Everything that leaves goes there, unless `ways` says otherwise. */
  readonly sinkPort?: number;
  readonly ways?: Ways;
  readonly args?: readonly string[];
}

/** Not started yet. */
export async function createLaptop(options: LaptopOptions): Promise<Laptop> {
  const { dir, data = join(dir, "data"), sinkPort = 0, args = [] } = options;
  const { ways = { smarthost: { host: "127.0.0.1", port: sinkPort } } } = options;
  const file = join(dir, "resources.yaml");
  await writeFile(file, resources(ways));
  const port = await freePort();
  const daemon = await Daemon.create({
    name: "daemon",
    args: ["-f", file, "--data", data, ...listening(`127.0.0.1:${port}`), ...args],
    logFile: join(dir, "daemon.log"),
  });
  return {
    daemon,
    port,
    reach: { args: ["--data", data] },
    natsPid: async () => Number(await readFile(join(data, "nats", "nats.pid"), "utf8").catch(() => "0")) || 0,
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

/** Each role in processes of its own, around a NATS that they share. */
export interface Roles extends Installation, AsyncDisposable {
  readonly gateway: Daemon;
  /** The first one among them. */
  readonly gateways: readonly Gateway[];
  readonly relays: readonly [Daemon, Daemon];
  readonly filers: readonly [Daemon, Daemon];
}

export interface Gateway {
  readonly daemon: Daemon;
  readonly port: number;
}

export interface Cluster extends Roles {
  readonly nats: TestNats;
}

/** Running and ready. */
export async function openCluster(options: {
  readonly dir: string;
  readonly sinkPort: number;
  /** Where NATS keeps everything, instead of a folder of its own. */
  readonly natsDir?: string;
}): Promise<Cluster> {
  const { dir, sinkPort, natsDir } = options;
  await using parts = new AsyncDisposableStack();
  const nats = parts.use(
    await startNats(undefined, {
      maxStoreBytes: 8 * 2 ** 30,
      ...(natsDir === undefined ? {} : { dir: natsDir }),
    }),
  );
  const { url: urls, user, password } = nats;
  const ways = { smarthost: { host: "127.0.0.1", port: sinkPort } };
  const roles = parts.use(await openRoles({ dir, ways, nats: { urls, user, password } }));
  const owned = parts.move();
  return { ...roles, nats, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Those of a small installation; there may be a second gateway. */
export const roleNames = ["gateway", "relay-a", "relay-b", "mailbox-a", "mailbox-b"] as const;
export type RoleName = (typeof roleNames)[number] | "gateway-b";

export interface RolesOptions {
  readonly dir: string;
  readonly ways: Ways;
  readonly nats: { readonly urls: string; readonly user: string; readonly password: string };
  /** Where each process runs, when that is not this machine as it is. */
  readonly hosts?: Readonly<Record<(typeof roleNames)[number], Host>>;
  readonly args?: readonly string[];
  /** 1 when absent. */
  readonly gateways?: 1 | 2;
  /** Of another version. */
  readonly launcher?: string;
  /** Of one process. */
  readonly envOf?: (name: RoleName) => NodeJS.ProcessEnv;
}

/** Running and ready. */
export async function openRoles(options: RolesOptions): Promise<Roles> {
  const { dir, nats, hosts, args = [], envOf = () => ({}), launcher } = options;
  await using parts = new AsyncDisposableStack();
  const file = join(dir, "resources.yaml");
  await writeFile(file, resources(options.ways));
  await mkdir(join(dir, "keys"), { recursive: true });
  const key = join(dir, "keys", "directory.key");
  // An installation that was lost has the keys of the one before.
  if (!existsSync(key)) await writeFile(key, randomBytes(32));
  const env = {
    NATS_USER: nats.user,
    NATS_PASSWORD: nats.password,
    POSTFLEET_DIRECTORY_KEY_FILE: key,
  };
  const begin = async (name: RoleName, ...more: readonly string[]) => {
    const role = name.split("-")[0] as string;
    const daemon = await Daemon.create({
      name,
      args: ["--nats", nats.urls, "--role", role, ...args, ...more],
      env: { ...env, ...envOf(name) },
      logFile: join(dir, `${name}.log`),
      ...(hosts && name !== "gateway-b" ? { host: hosts[name] } : {}),
    });
    daemon.start(launcher);
    await daemon.ready();
    return parts.use(daemon);
  };
  const gateways: Gateway[] = [];
  for (const name of ["gateway", "gateway-b"].slice(0, options.gateways ?? 1) as RoleName[]) {
    const port = hosts ? OWN_SMTP_PORT : await freePort();
    const at = `${(hosts?.gateway ?? here).address}:${port}`;
    const files = name === "gateway" ? ["-f", file] : [];
    gateways.push({ daemon: await begin(name, ...files, ...listening(at)), port });
  }
  const { daemon: gateway, port } = gateways[0] as Gateway;
  const other = (name: RoleName) => begin(name, ...listening());
  const relays = [await other("relay-a"), await other("relay-b")] as const;
  const filers = [await other("mailbox-a"), await other("mailbox-b")] as const;
  const owned = parts.move();
  return {
    gateway,
    gateways,
    relays,
    filers,
    port,
    reach: { args: ["--nats", nats.urls], env },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Where nobody else has ports. */
const OWN_SMTP_PORT = 2525;
