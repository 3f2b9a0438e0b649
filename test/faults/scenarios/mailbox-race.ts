/**
 * Two mailbox processes, one mailbox, twenty clients: APPEND, STORE, COPY, MOVE, EXPUNGE, IDLE and deliveries by SMTP at
 * the same time, with kill -9 of a replica or of nats-server every few seconds.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Dice } from "../chance.ts";
import { mustAgree, race } from "../race/race.ts";
import { openReplicas, type Replicas } from "../race/replicas.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("mailbox-race", options);
  await using replicas = await openReplicas(bench.dir);
  const seconds = options.quick ? 6 : 60;
  let kills = 0;
  const raced = await race(replicas, {
    seed: options.seed,
    // A replica that was killed leaves its share of the queue to the other when its lease ends: half a minute.
    deliver: !options.quick,
    hurt: async (stop) => {
      kills = await hurt(replicas, bench.dice, seconds, stop, options);
    },
  });
  const line = mustAgree(`kills ${kills}`, raced);
  bench.succeeded();
  return line;
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

export const mailboxRace: Scenario = {
  name: "mailbox-race",
  about: "two replicas and twenty clients in one mailbox, with kill -9 of replicas and of NATS",
  run,
};
