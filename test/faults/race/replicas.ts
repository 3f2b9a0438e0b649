/**
 * Two mailbox processes and a gateway around one NATS, as in a cluster: IMAP over TLS at both, SMTP at the gateway, and
 * one user.
 */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../../daemon/kit/clock.ts";
import { keptCertificate } from "../../../daemon/net/self-signed.ts";
import { listenerDefaults } from "../../../daemon/run/options.ts";
import { freePort } from "../../harness/free-port.ts";
import { aDomain, aPolicy, aUser, manifest } from "../../harness/manifest.ts";
import { startNats, type TestNats } from "../../harness/nats-server.ts";
import { Daemon } from "../daemon.ts";

export const user = "race@home.example";
export const password = "correct-horse";

export interface Replica {
  readonly daemon: Daemon;
  readonly imap: number;
}

export interface Replicas extends AsyncDisposable {
  readonly nats: TestNats;
  readonly gateway: Daemon;
  /** Takes mail by SMTP. */
  readonly smtp: number;
  readonly both: readonly [Replica, Replica];
}

/** `dir` keeps resources, keys and logs; `natsDir` what NATS stores, instead of a folder of its own. */
export async function openReplicas(dir: string, natsDir?: string): Promise<Replicas> {
  await using parts = new AsyncDisposableStack();
  const file = join(dir, "resources.yaml");
  const acceptFrom = { cidrs: ["127.0.0.0/8"] };
  await writeFile(
    file,
    manifest(
      aDomain("home.example"),
      aUser(user, password),
      aPolicy({ acceptFrom, retry: { initial: "2s", max: "2s" } }),
    ),
  );
  await mkdir(join(dir, "keys"), { recursive: true });
  await writeFile(join(dir, "keys", "directory.key"), randomBytes(32));
  const place = natsDir === undefined ? {} : { dir: natsDir };
  const nats = parts.use(await startNats(undefined, { maxStoreBytes: 8 * 2 ** 30, ...place }));
  const env = {
    NATS_USER: nats.user,
    NATS_PASSWORD: nats.password,
    POSTFLEET_DIRECTORY_KEY_FILE: join(dir, "keys", "directory.key"),
  };
  const folder = join(dir, "tls");
  await keptCertificate(folder, ["home.example"], systemClock);
  const secure = ["--tls-cert", join(folder, "cert.pem"), "--tls-key", join(folder, "key.pem")];
  const begin = async (name: string, listener: string, ...more: readonly string[]) => {
    const port = await freePort();
    const listen = Object.keys(listenerDefaults)
      .filter((each) => each !== "health")
      .flatMap((each) => ["--listen", each === listener ? `${each}=127.0.0.1:${port}` : `${each}=off`]);
    const args = ["--nats", nats.url, ...listen, ...secure, ...more];
    const daemon = parts.use(await Daemon.create({ name, args, env, logFile: join(dir, `${name}.log`) }));
    daemon.start();
    await daemon.ready();
    return { daemon, port };
  };
  const gateway = await begin("gateway", "smtp", "--role", "gateway", "-f", file);
  const one = await begin("mailbox-a", "imaps", "--role", "mailbox");
  const two = await begin("mailbox-b", "imaps", "--role", "mailbox");
  const both = [
    { daemon: one.daemon, imap: one.port },
    { daemon: two.daemon, imap: two.port },
  ] as const;
  const owned = parts.move();
  const { daemon, port: smtp } = gateway;
  return { nats, gateway: daemon, smtp, both, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
