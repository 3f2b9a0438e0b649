/**
 * Installations that are there to be hurt: the laptop's (one process with a private NATS), and the cluster's in small
 * (a NATS that others run, and each role in a process of its own). Both from the same resources.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listenerDefaults } from "../../daemon/run/options.ts";
import { startNats, type TestNats } from "../harness/nats-server.ts";
import { Daemon, freePort } from "./daemon.ts";
import type { Reach } from "./mail-found.ts";
import { home, mailboxes, senderMailbox } from "./mix.ts";

/** Everything that leaves goes to the sink; what is deferred is tried again every other second. */
export function resources(sinkPort: number): string {
  const boxes = [senderMailbox, ...mailboxes].map(
    (address) => `apiVersion: mail.postfleet.dev/v1alpha1
kind: Mailbox
metadata: {name: ${address.split("@")[0]}, namespace: default}
spec: {address: ${address}}
---
`,
  );
  return `${boxes.join("")}apiVersion: mail.postfleet.dev/v1alpha1
kind: MailDomain
metadata: {name: home, namespace: default}
spec: {domain: ${home}}
---
apiVersion: mail.postfleet.dev/v1alpha1
kind: RelayPolicy
metadata: {name: default, namespace: default}
spec:
  route: {smarthost: {host: 127.0.0.1, port: ${sinkPort}, tls: "Off"}}
  acceptFrom: {cidrs: [127.0.0.0/8]}
  tls: "Off"
  retry: {initial: 2s, factor: 1, max: 2s, expireAfter: 1h, delayNoticeAfter: 0s}
`;
}

/** Listens on nothing but SMTP at this port, if at any. (The health listener is the `Daemon`'s own affair.) */
const listening = (smtp?: number): string[] =>
  Object.keys(listenerDefaults)
    .filter((name) => name !== "health")
    .flatMap((name) => [
      "--listen",
      name === "smtp" && smtp !== undefined ? `smtp=127.0.0.1:${smtp}` : `${name}=off`,
    ]);

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
  readonly sinkPort: number;
  readonly args?: readonly string[];
}

/** Not started yet. */
export async function createLaptop(options: LaptopOptions): Promise<Laptop> {
  const { dir, data = join(dir, "data"), sinkPort, args = [] } = options;
  const file = join(dir, "resources.yaml");
  await writeFile(file, resources(sinkPort));
  const port = await freePort();
  const daemon = await Daemon.create({
    name: "daemon",
    args: ["-f", file, "--data", data, ...listening(port), ...args],
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

/** The roles, each in processes of its own. */
export interface Roles extends Installation, AsyncDisposable {
  readonly gateway: Daemon;
  readonly relays: readonly [Daemon, Daemon];
  readonly filers: readonly [Daemon, Daemon];
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
  const roles = parts.use(await openRoles({ dir, sinkPort, store: nats }));
  const owned = parts.move();
  return { ...roles, nats, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Around a NATS that runs. Running and ready. */
export async function openRoles(options: {
  readonly dir: string;
  readonly sinkPort: number;
  /** As `--nats` takes it. */
  readonly store: { readonly url: string; readonly user: string; readonly password: string };
  /** For every daemon. */
  readonly args?: readonly string[];
}): Promise<Roles> {
  const { dir, sinkPort, store, args: common = [] } = options;
  await using parts = new AsyncDisposableStack();
  const file = join(dir, "resources.yaml");
  await writeFile(file, resources(sinkPort));
  await mkdir(join(dir, "keys"), { recursive: true });
  await writeFile(join(dir, "keys", "directory.key"), randomBytes(32));
  const env = {
    NATS_USER: store.user,
    NATS_PASSWORD: store.password,
    POSTFLEET_DIRECTORY_KEY_FILE: join(dir, "keys", "directory.key"),
  };
  const port = await freePort();
  const begin = async (name: string, role: string, ...more: readonly string[]) => {
    const args = ["--nats", store.url, "--role", role, ...common, ...more];
    const daemon = await Daemon.create({ name, args, env, logFile: join(dir, `${name}.log`) });
    daemon.start();
    await daemon.ready();
    return parts.use(daemon);
  };
  const gateway = await begin("gateway", "gateway", "-f", file, ...listening(port));
  const other = (name: string, role: string) => begin(name, role, ...listening());
  const relays = [await other("relay-a", "relay"), await other("relay-b", "relay")] as const;
  const filers = [await other("mailbox-a", "mailbox"), await other("mailbox-b", "mailbox")] as const;
  const owned = parts.move();
  return {
    gateway,
    relays,
    filers,
    port,
    reach: { args: ["--nats", store.url], env },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
