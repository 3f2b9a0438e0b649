/**
 * kill -9 at random moments under load: the daemon (its private NATS dies with it), the nats-server alone (the daemon
 * starts it again), and both in quick succession; sometimes while they are still starting.
 */
import { setTimeout as delay } from "node:timers/promises";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import type { Dice } from "../chance.ts";
import { createLaptop, type Laptop } from "../installation.ts";
import type { Ledger, Outage } from "../ledger.ts";
import { type Bench, type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const victims = ["daemon", "nats", "nats, then daemon"] as const;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("kills", options);
  const { dir, ledger, sink, dice } = bench;
  await using laptop = await createLaptop({ dir, sinkPort: sink.port });
  laptop.daemon.start();
  await laptop.daemon.ready();
  const load = bench.load({ port: laptop.port });
  let told = 0;
  while (ledger.outages.length < options.kills) {
    await delay(dice.whole(150, 1_500));
    await killOne(laptop, ledger, dice);
    const kills = ledger.outages.length;
    if (kills - told < 20) continue;
    options.progress(`${kills} kills, ${ledger.count("accepted")} acknowledged`);
    told = kills;
  }
  await load.stop();
  return await finish(bench, laptop);
}

async function finish(bench: Bench, laptop: Laptop): Promise<string> {
  const { ledger, dir } = bench;
  await laptop.daemon.ready();
  await emptied(laptop.reach, 300_000);
  const found = await account(ledger, laptop.reach, dir, bench.progress);
  const line = `kills ${ledger.outages.length}, ${tell(ledger, found)}`;
  mustBalance(found);
  bench.succeeded();
  return line;
}

async function killOne(laptop: Laptop, ledger: Ledger, dice: Dice): Promise<void> {
  const victim = dice.pick(victims);
  if (victim !== "daemon") {
    const pid = await laptop.natsPid();
    if (pid === 0) return;
    const outage = ledger.broke(victim);
    killed(pid);
    if (victim === "nats") return void (await served(laptop, outage));
    await delay(dice.whole(0, 300));
    outage.up = performance.now();
  }
  const outage = ledger.broke(victim);
  await laptop.daemon.kill9();
  await delay(dice.whole(0, 100));
  laptop.daemon.start();
  // One in six is killed again, mostly before it serves.
  if (dice.happens(1 / 6)) {
    await delay(dice.whole(200, 1_500));
    outage.up = performance.now();
    return killAgain(laptop, ledger);
  }
  await served(laptop, outage);
}

async function killAgain(laptop: Laptop, ledger: Ledger): Promise<void> {
  const outage = ledger.broke("daemon while it starts");
  await laptop.daemon.kill9();
  laptop.daemon.start();
  await served(laptop, outage);
}

async function served(laptop: Laptop, outage: Outage): Promise<void> {
  await laptop.daemon.ready();
  outage.up = performance.now();
}

/** It may have died by itself a moment ago. */
function killed(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export const kills: Scenario = {
  name: "kills",
  about: "kill -9 of daemon and nats-server at random moments under load",
  run,
};
