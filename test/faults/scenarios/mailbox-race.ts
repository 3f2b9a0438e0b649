/**
 * Two mailbox processes, one mailbox, twenty clients: APPEND, STORE, COPY, MOVE, EXPUNGE, IDLE and deliveries by SMTP at
 * the same time, with kill -9 of a replica or of nats-server every few seconds. In the end both replicas must show the
 * same, flags and all, every message must be where it was told to be, and no UID may have named two messages.
 */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { listenerDefaults } from "../../../daemon/run/options.ts";
import { freePort } from "../../harness/free-port.ts";
import { aDomain, aPolicy, aUser, manifest } from "../../harness/manifest.ts";
import { startNats, type TestNats } from "../../harness/nats-server.ts";
import { submit } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";
import { type Dice, diceFrom } from "../chance.ts";
import { Daemon } from "../daemon.ts";
import { Account, differences, type Shown } from "../race/account.ts";
import { Imap } from "../race/imap.ts";
import { folders, messageOf, namesIn, Racer } from "../race/racer.ts";
import { Watcher } from "../race/watcher.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const user = "race@home.example";
const password = "correct-horse";
const RACERS = 18;
const WATCHED = ["INBOX", "Archive"] as const;

interface Replica {
  readonly daemon: Daemon;
  readonly imap: number;
}

interface Replicas extends AsyncDisposable {
  readonly nats: TestNats;
  /** Takes mail by SMTP. */
  readonly smtp: number;
  readonly both: readonly [Replica, Replica];
}

async function openReplicas(dir: string): Promise<Replicas> {
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
  const nats = parts.use(await startNats(undefined, { maxStoreBytes: 2 ** 30 }));
  const env = {
    NATS_USER: nats.user,
    NATS_PASSWORD: nats.password,
    POSTFLEET_DIRECTORY_KEY_FILE: join(dir, "keys", "directory.key"),
  };
  const begin = async (name: string, listener: string, ...more: readonly string[]) => {
    const port = await freePort();
    const listen = Object.keys(listenerDefaults)
      .filter((each) => each !== "health")
      .flatMap((each) => ["--listen", each === listener ? `${each}=127.0.0.1:${port}` : `${each}=off`]);
    const args = ["--nats", nats.url, ...listen, ...more];
    const daemon = parts.use(await Daemon.create({ name, args, env, logFile: join(dir, `${name}.log`) }));
    daemon.start();
    await daemon.ready();
    return { daemon, port };
  };
  const gateway = await begin("gateway", "smtp", "--role", "gateway", "-f", file);
  const one = await begin("mailbox-a", "imap", "--role", "mailbox");
  const two = await begin("mailbox-b", "imap", "--role", "mailbox");
  const both = [
    { daemon: one.daemon, imap: one.port },
    { daemon: two.daemon, imap: two.port },
  ] as const;
  const owned = parts.move();
  return { nats, smtp: gateway.port, both, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("mailbox-race", options);
  await using replicas = await openReplicas(bench.dir);
  const seconds = options.quick ? 6 : 60;
  const account = new Account();
  const stop = new AbortController();
  const port = (n: number) => (entry: number) => replicas.both[(n + entry) % 2]?.imap ?? 0;
  const racers = Array.from({ length: RACERS }, (_, n) => {
    const dice = diceFrom(options.seed * 1_000 + n);
    return new Racer(`c${n}`, { account, user, password, port: port(n), dice });
  });
  const watchers = WATCHED.map((folder, n) => new Watcher({ user, password, port: port(n) }, folder));
  const racing = Promise.all(racers.map((racer) => racer.run(stop.signal)));
  const delivering = deliver(replicas.smtp, account, stop.signal);
  racing.catch(() => stop.abort());
  const kills = await hurt(replicas, bench.dice, seconds, stop.signal, options);
  const watching = new AbortController();
  const counts = Promise.all(watchers.map((watcher) => watcher.run(watching.signal)));
  await delay(1_000);
  stop.abort();
  await racing;
  const delivered = await delivering;
  const shown = await settled(replicas, account, delivered);
  watching.abort();
  const faults = [...account.check(shown[0]), ...differences(...shown)];
  for (const [n, count] of (await counts).entries()) {
    const there = shown[0].filter(({ folder }) => folder === WATCHED[n]).length;
    if (count !== there) faults.push(`who idled in ${WATCHED[n]} counts ${count} messages, not ${there}`);
  }
  const steps = racers.reduce((sum, racer) => sum + racer.steps, 0);
  const cut = racers.reduce((sum, racer) => sum + racer.cut, 0);
  const line =
    `kills ${kills}, commands ${steps}, cut off ${cut}, made ${account.acknowledged}, ` +
    `left ${shown[0].length}, delivered ${delivered}, faults ${faults.length}`;
  if (faults.length > 0) throw new Error(`${line}\n${faults.slice(0, 20).join("\n")}`);
  bench.succeeded();
  return line;
}

/** One message after the other by SMTP; what was acknowledged must be in the mailbox in the end, once. */
async function deliver(smtp: number, account: Account, stop: AbortSignal): Promise<number> {
  let delivered = 0;
  for (let n = 0; !stop.aborted; n++) {
    const name = `smtp.${n}`;
    try {
      await submit(smtp, { from: "x@home.example", to: user, text: messageOf(name) });
      account.appended(name);
      delivered++;
    } catch {
      account.perhapsMade(name); // NATS was away, or the answer was lost
    }
    await delay(20);
  }
  return delivered;
}

async function hurt(
  { nats, both }: Replicas,
  dice: Dice,
  seconds: number,
  stop: AbortSignal,
  { quick, progress }: FaultOptions,
): Promise<number> {
  const end = performance.now() + seconds * 1_000;
  let kills = 0;
  while (!stop.aborted && performance.now() < end) {
    await delay(quick ? dice.whole(1_000, 2_000) : dice.whole(1_000, 5_000));
    const victim =
      kills < 2 ? (["replica", "nats"] as const)[kills] : dice.pick(["replica", "replica", "nats"]);
    kills++;
    if (victim === "nats") {
      await nats.kill9();
      await delay(dice.whole(0, 1_500));
      await nats.restart();
    } else {
      const { daemon } = dice.pick([...both]);
      await daemon.kill9();
      daemon.start();
      await daemon.ready();
    }
    progress(`kill ${kills}: ${victim}`);
  }
  for (const { daemon } of both) await daemon.ready();
  return kills;
}

/** What both replicas show once every delivery that was acknowledged has been filed. */
async function settled(
  { both }: Replicas,
  account: Account,
  delivered: number,
): Promise<readonly [Shown[], Shown[]]> {
  const look = () => Promise.all(both.map(({ imap }) => shownBy(imap))) as Promise<[Shown[], Shown[]]>;
  let shown = await look();
  await untilTrue(
    `${delivered} deliveries to be filed`,
    async () => {
      shown = await look();
      return account.check(shown[0]).length === 0 && differences(...shown).length === 0;
    },
    60_000,
  ).catch(() => {}); // what is still wrong is told by who asked
  return shown;
}

async function shownBy(port: number): Promise<Shown[]> {
  using imap = await Imap.enter(port, user, password);
  const shown: Shown[] = [];
  for (const folder of folders) {
    const selected = await imap.command(`EXAMINE ${folder}`);
    if (/^\* 0 EXISTS/m.test(selected)) continue;
    const answer = await imap.command("UID FETCH 1:* (FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (X-Name)])");
    const facts = new Map<number, Pick<Shown, "flags" | "modseq">>();
    for (const [, uid, flags = "", modseq] of answer.matchAll(
      /\(UID (\d+) FLAGS \(([^)]*)\) MODSEQ \((\d+)\)/g,
    ))
      facts.set(Number(uid), { flags: flags.split(" ").sort().join(" "), modseq: Number(modseq) });
    for (const [uid, name] of namesIn(answer))
      shown.push({ folder, uid, name, ...(facts.get(uid) ?? { flags: "?", modseq: 0 }) });
    const exists = Number(/^\* (\d+) EXISTS/m.exec(selected)?.[1]);
    if (exists !== facts.size) throw new Error(`${folder} has ${exists} messages and shows ${facts.size}`);
  }
  return shown;
}

export const mailboxRace: Scenario = {
  name: "mailbox-race",
  about: "two replicas and twenty clients in one mailbox, with kill -9 of replicas and of NATS",
  run,
};
