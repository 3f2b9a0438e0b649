/**
 * Two mailbox processes, one mailbox, twenty clients, and mail that comes by SMTP, all at the same time, while the caller
 * hurts them. In the end both replicas must show the same, flags and all, every message must be where it was told to be, and
 * no UID may have named two messages.
 */
import { setTimeout as delay } from "node:timers/promises";
import { submit } from "../../harness/submit.ts";
import { diceFrom } from "../chance.ts";
import { Account, differences } from "./account.ts";
import { messageOf, Racer } from "./racer.ts";
import { password, type Replicas, user } from "./replicas.ts";
import { settled } from "./shown.ts";
import { Watcher } from "./watcher.ts";

export interface RaceOptions {
  readonly seed: number;
  /** Also by SMTP. */
  readonly deliver: boolean;
  /** Breaks things until it thinks that it is enough; everything runs again when it resolves. */
  readonly hurt: (stop: AbortSignal) => Promise<void>;
}

export interface Raced {
  /** What can not be true together; empty when all is well. */
  readonly faults: readonly string[];
  readonly commands: number;
  readonly cutOff: number;
  /** Messages that were made and acknowledged, and those of them that came by SMTP. */
  readonly made: number;
  readonly delivered: number;
  /** Messages that are there in the end. */
  readonly left: number;
  /** Changes told to who idled. */
  readonly news: number;
  /** ms */
  readonly longestWait: number;
}

const RACERS = 18;
const WATCHED = ["INBOX", "Archive"] as const;

export async function race(replicas: Replicas, options: RaceOptions): Promise<Raced> {
  const account = new Account();
  const stop = new AbortController();
  const port = (n: number) => (entry: number) => replicas.both[(n + entry) % 2]?.imap ?? 0;
  const racers = Array.from({ length: RACERS }, (_, n) => {
    const dice = diceFrom(options.seed * 1_000 + n);
    return new Racer(`c${n}`, { account, user, password, port: port(n), dice });
  });
  const watchers = WATCHED.map((folder, n) => new Watcher({ user, password, port: port(n) }, folder));
  const racing = Promise.all(racers.map((racer) => racer.run(stop.signal)));
  const delivering = options.deliver ? deliver(replicas.smtp, account, stop.signal) : Promise.resolve(0);
  Promise.all([racing, delivering]).catch(() => stop.abort());
  const watching = new AbortController();
  const counts = Promise.all(watchers.map((watcher) => watcher.run(watching.signal)));
  counts.catch(() => stop.abort());
  await options.hurt(stop.signal);
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
  const sum = (figures: readonly number[]) => figures.reduce((total, each) => total + each, 0);
  return {
    faults,
    delivered,
    made: account.acknowledged,
    left: shown[0].length,
    commands: sum(racers.map(({ steps }) => steps)),
    cutOff: sum(racers.map(({ cut }) => cut)),
    news: sum(watchers.map(({ news }) => news)),
    longestWait: Math.max(...racers.map(({ longestWait }) => longestWait)),
  };
}

/** One line for people; throws when anything is wrong. */
export function mustAgree(what: string, raced: Raced): string {
  const { faults, commands, cutOff, made, delivered, left, news, longestWait } = raced;
  const of = (kind: string) => faults.filter((fault) => fault.startsWith(kind)).length;
  const line =
    `${what}, acknowledged ${made} messages made (${delivered} by SMTP) in ${commands} turns of commands, ` +
    `lost ${of("lost")}, duplicates ${of("doubled")}, other faults ${faults.length - of("lost") - of("doubled")}, ` +
    `cut off ${cutOff}, left ${left}, heard while idle ${news}, ` +
    `longest wait of a client ${(longestWait / 1_000).toFixed(1)} s`;
  if (faults.length > 0) throw new Error(`${line}\n${faults.slice(0, 20).join("\n")}`);
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
