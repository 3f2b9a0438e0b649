/**
 * Power cuts under the whole data folder: everything that was not synced is gone, and the daemon and its nats-server
 * with it. Torn and not torn in turn; every other pair on a slow disk, so that cuts fall between write and fsync.
 */
import { setTimeout as delay } from "node:timers/promises";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import type { Laptop } from "../installation.ts";
import { laptopOnDisk } from "../on-disk.ts";
import type { Disk } from "../powercut.ts";
import { type Bench, type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const SLOW_MS = 15;
/** A batch is some eight syncs, and several batches may wait for each other. */
const SETTLING_MS = 5_000;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("power-cuts", options);
  const { dice, ledger } = bench;
  await using powered = await laptopOnDisk(bench);
  const { disk, laptop } = powered;
  const load = bench.load({ port: laptop.port, connections: 24 });
  let dropped = 0;
  for (let n = 0; n < options.cuts; n++) {
    await powered.powerOn(isSlow(n) ? SLOW_MS : 0);
    const last = ledger.outages.at(-1);
    if (last) last.up = performance.now();
    // Now and then at once: what the start itself wrote may not be durable yet.
    await delay(dice.happens(0.15) ? dice.whole(0, 50) : dice.whole(150, 2_000));
    dropped += await cut(bench, laptop, disk, n % 2 === 1);
    if ((n + 1) % 8 === 0) options.progress(`${n + 1} cuts, ${ledger.count("accepted")} acknowledged`);
  }
  await powered.powerOn();
  await load.stop();
  return await finish(bench, laptop, dropped);
}

const isSlow = (n: number) => n % 4 >= 2;

async function cut(bench: Bench, laptop: Laptop, disk: Disk, torn: boolean): Promise<number> {
  const { ledger, dice } = bench;
  const pids = [laptop.daemon.pid, await laptop.natsPid()].filter((pid) => pid > 0);
  const seed = dice.whole(1, 1_000_000);
  const outage = ledger.broke(torn ? "torn cut" : "cut");
  const lost = await disk.cut(pids, torn ? seed : undefined);
  // Clients may hear an answer until the instant of the cut, which lies before the program's own end.
  outage.up = performance.now();
  await laptop.daemon.exited;
  return lost.dropped_bytes;
}

async function finish(bench: Bench, laptop: Laptop, dropped: number): Promise<string> {
  const { ledger, dir } = bench;
  await emptied(laptop.reach, 120_000);
  const found = await account(ledger, laptop.reach, dir, bench.progress, SETTLING_MS);
  const torn = ledger.outages.filter(({ victim }) => victim === "torn cut").length;
  const kilobytes = Math.round(dropped / 1e3);
  const line = `cuts ${ledger.outages.length} (${torn} torn, half of all on a disk of ${SLOW_MS} ms a sync; ${kilobytes} kB dropped), ${tell(ledger, found)}`;
  mustBalance(found);
  await laptop.daemon.stop();
  bench.succeeded();
  return line;
}

export const powerCuts: Scenario = {
  name: "power-cuts",
  about: "the power fails under disk, daemon and nats-server",
  privileged: true,
  run,
};
