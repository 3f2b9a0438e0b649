/**
 * Two mailbox processes, one mailbox, twenty clients: APPEND, STORE, COPY, MOVE, EXPUNGE, IDLE and deliveries by SMTP at
 * the same time, with kill -9 of a replica or of nats-server every few seconds. In the end both replicas must show the
 * same, flags and all, every message must be where it was told to be, and no UID may have named two messages.
 */
import { setTimeout as delay } from "node:timers/promises";
import { submit } from "../../harness/submit.ts";
import { untilTrue } from "../../harness/until.ts";
import { type Dice, diceFrom } from "../chance.ts";
import { Account, differences, type Shown } from "../race/account.ts";
import { Imap } from "../race/imap.ts";
import { folders, messageOf, namesIn, Racer } from "../race/racer.ts";
import { openReplicas, password, type Replicas, user } from "../race/replicas.ts";
import { Watcher } from "../race/watcher.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const RACERS = 18;
const WATCHED = ["INBOX", "Archive"] as const;

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
  // A replica that was killed leaves its share of the queue to the other when its lease ends: half a minute.
  const delivering = options.quick ? Promise.resolve(0) : deliver(replicas.smtp, account, stop.signal);
  Promise.all([racing, delivering]).catch(() => stop.abort());
  const watching = new AbortController();
  const counts = Promise.all(watchers.map((watcher) => watcher.run(watching.signal)));
  counts.catch(() => stop.abort());
  const kills = await hurt(replicas, bench.dice, seconds, stop.signal, options);
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
  const news = watchers.reduce((sum, watcher) => sum + watcher.news, 0);
  const line =
    `kills ${kills}, commands ${steps}, cut off ${cut}, made ${account.acknowledged}, ` +
    `left ${shown[0].length}, delivered ${delivered}, heard while idle ${news}, faults ${faults.length}`;
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
      await submit(smtp, {
        from: "x@home.example",
        to: user,
        text: messageOf(name).replaceAll("\r\n", "\n"),
      });
      account.appended(name);
      delivered++;
    } catch (error) {
      account.perhapsMade(name); // NATS was away, or the answer was lost
      if (/: 5\d\d /.test(String(error))) throw error;
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
