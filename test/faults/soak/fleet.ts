/**
 * What the soak runs: a NATS, gateway, relay, mailbox and console as processes of their own, next hops that are good, slow,
 * moody or not there, and a DNS that knows them. Every daemon can be inspected.
 */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../../daemon/kit/clock.ts";
import { keptCertificate } from "../../../daemon/net/self-signed.ts";
import { listenerDefaults } from "../../../daemon/run/options.ts";
import { startConsole } from "../../harness/console-process.ts";
import { startDns } from "../../harness/dns-server.ts";
import { freePort } from "../../harness/free-port.ts";
import { aDomain, aPolicy, aUser, manifest } from "../../harness/manifest.ts";
import { startNats, type TestNats } from "../../harness/nats-server.ts";
import { Daemon } from "../daemon.ts";
import type { Ledger } from "../ledger.ts";
import type { Reach } from "../mail-found.ts";
import { home, mailboxes, senderMailbox } from "../mix.ts";
import { Sink } from "../sink.ts";

export const password = "correct-horse";
/** Keeps its mail; programs work in it. */
export const worker = `worker@${home}`;
/** Whom no policy knows. */
export const stranger = { address: "127.0.0.99", sender: "x@far.test" };
/** Where nobody listens. */
export const deadSite = "dead.test";
export const sites = ["good.test", "fine.test", "slow.test", "moody.test"] as const;

const hosts = { good: "127.0.0.11", slow: "127.0.0.12", moody: "127.0.0.13", dead: "127.0.0.14" } as const;
const zone = {
  "good.test": ["MX 10 mx.good.test"],
  "mx.good.test": [`A ${hosts.good}`],
  "fine.test": ["MX 10 mx.good.test"],
  "slow.test": ["MX 10 mx.slow.test"],
  "mx.slow.test": [`A ${hosts.slow}`],
  "moody.test": ["MX 10 mx.moody.test"],
  "mx.moody.test": [`A ${hosts.moody}`],
  "dead.test": ["MX 10 mx.dead.test"],
  "mx.dead.test": [`A ${hosts.dead}`],
  "far.test": [`A ${stranger.address}`, `TXT "v=spf1 ip4:${stranger.address} -all"`],
};

/** A process whose figures are watched. */
export interface Watched {
  readonly name: string;
  readonly pid: number;
  /** Where its inspector listens … */
  readonly inspector?: number;
  /** … or, of a Go program, its profiles are. */
  readonly profiles?: number;
  /** Octets of buffers that a cache holds, whose bound is known: they are no leak, and not counted. */
  readonly cached?: () => Promise<number>;
}

export interface Fleet extends AsyncDisposable {
  readonly nats: TestNats;
  readonly ports: Readonly<Record<"smtp" | "submissions" | "imaps" | "pop3s", number>>;
  /** Of the console. */
  readonly api: { readonly base: string; readonly token: string };
  readonly watched: readonly Watched[];
  readonly daemons: readonly Daemon[];
  /** The next hop that defers everything while it is told to. */
  readonly moody: Sink;
  readonly reach: Reach;
}

/** Mail that cannot go out comes back within two minutes. */
const policy = aPolicy({
  acceptFrom: { cidrs: ["127.0.0.1/32"] },
  tls: "Off",
  retry: { initial: "2s", factor: 1.5, max: "15s", expireAfter: "90s", delayNoticeAfter: "0s" },
});

export async function openFleet(dir: string, ledger: Ledger): Promise<Fleet> {
  await using parts = new AsyncDisposableStack();
  const { moody, port: mxPort } = await openSites(ledger, parts);
  const dns = parts.use(await startDns(zone));
  const profiles = await freePort();
  const nats = parts.use(
    await startNats(undefined, { maxStoreBytes: 8 * 2 ** 30, extra: `prof_port: ${profiles}` }),
  );
  const file = join(dir, "resources.yaml");
  const users = [senderMailbox, worker, ...mailboxes].map((address) => aUser(address, password));
  await writeFile(file, manifest(aDomain(home), ...users, policy));
  await mkdir(join(dir, "keys"), { recursive: true });
  await writeFile(join(dir, "keys", "directory.key"), randomBytes(32));
  const env = {
    NATS_USER: nats.user,
    NATS_PASSWORD: nats.password,
    POSTFLEET_DIRECTORY_KEY_FILE: join(dir, "keys", "directory.key"),
  };
  await keptCertificate(join(dir, "tls"), ["localhost", home], systemClock);
  const tls = ["--tls-cert", join(dir, "tls", "cert.pem"), "--tls-key", join(dir, "tls", "key.pem")];
  const dnsArgs = ["--dns", dns.address, "--smtp-port", String(mxPort), "--hostname", `mx.${home}`];
  const ports = {
    smtp: await freePort(),
    submissions: await freePort(),
    imaps: await freePort(),
    pop3s: await freePort(),
  };
  const watched: Watched[] = [{ name: "nats-server", pid: nats.pid, profiles }];
  const daemons: Daemon[] = [];
  const begin = async (name: string, opened: readonly (keyof typeof ports)[], ...more: readonly string[]) => {
    const inspector = await freePort();
    const args = [
      "--nats",
      nats.url,
      "--role",
      name,
      ...tls,
      ...dnsArgs,
      ...listening(ports, opened),
      ...more,
    ];
    const inspected = { ...env, NODE_OPTIONS: `--inspect=127.0.0.1:${inspector}` };
    const logFile = join(dir, `${name}.log`);
    const daemon = parts.use(await Daemon.create({ name, args, env: inspected, logFile }));
    daemon.start();
    await daemon.ready();
    daemons.push(daemon);
    watched.push({ name, pid: daemon.pid, inspector, cached: () => digestsOf(daemon) });
  };
  await begin("gateway", ["smtp", "submissions"], "-f", file);
  await begin("relay", []);
  await begin("mailbox", ["imaps", "pop3s"]);
  const token = randomBytes(24).toString("base64url");
  await writeFile(join(dir, "token"), token);
  const inspector = await freePort();
  const seen = parts.use(
    await startConsole(["--nats", nats.url, "--token-file", join(dir, "token")], {
      ...env,
      NODE_OPTIONS: `--inspect=127.0.0.1:${inspector}`,
    }),
  );
  watched.push({ name: "console", pid: seen.pid, inspector });
  const owned = parts.move();
  return {
    nats,
    ports,
    api: { base: `${seen.base}/api/v1`, token },
    watched,
    daemons,
    moody,
    reach: { args: ["--nats", nats.url], env },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** docs/metrics.md */
async function digestsOf(daemon: Daemon): Promise<number> {
  const found = /^postfleet_mailbox_digest_octets (\d+)/m.exec(await daemon.metrics())?.[1];
  if (found === undefined) throw new Error("the daemon does not tell what its digests take");
  return Number(found);
}

function listening(ports: Fleet["ports"], opened: readonly (keyof Fleet["ports"])[]): string[] {
  const names = Object.keys(listenerDefaults).filter((name) => name !== "health");
  return names.flatMap((name) => {
    const chosen = opened.find((each) => each === name);
    return ["--listen", chosen === undefined ? `${name}=off` : `${name}=127.0.0.1:${ports[chosen]}`];
  });
}

/** All at one port, since MX records name none. */
async function openSites(
  ledger: Ledger,
  parts: AsyncDisposableStack,
): Promise<{ readonly moody: Sink; readonly port: number }> {
  const good = parts.use(await new Sink(ledger).listen(hosts.good));
  const { port } = good;
  const slow = parts.use(await new Sink(ledger).listen(hosts.slow, port));
  slow.pondering = 2_000;
  const moody = parts.use(await new Sink(ledger).listen(hosts.moody, port));
  return { moody, port };
}
