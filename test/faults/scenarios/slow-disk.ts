/**
 * The disk becomes slow under load: each fsync takes 50 ms longer, then 200, then 500. Clients that send more than the disk
 * takes must be made to wait, or be told to come back; what waits must not pile up in memory; and nothing that was accepted
 * is lost, nor sent twice since its settlement took long.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { memoryOf } from "../../bench/kit/processes.ts";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import type { Laptop } from "../installation.ts";
import type { Ledger } from "../ledger.ts";
import { laptopOnDisk } from "../on-disk.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

/** Each of the load's connections may have a large message under way, which is two chunks in memory; and as much again. */
const CONNECTIONS = 100;
const ROOM_OCTETS = CONNECTIONS * 2 * 2 * (256 << 10);
const SETTLED_MS = 5_000;

interface Speed {
  readonly ms: number;
  readonly accepted: number;
  readonly peak: number;
}

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("slow-disk", options);
  const { dir, ledger } = bench;
  await using powered = await laptopOnDisk(bench);
  const { disk, laptop } = powered;
  await powered.powerOn();
  const load = bench.load({ port: laptop.port, connections: CONNECTIONS, rate: 400 });
  const first = await during(laptop, ledger, SETTLED_MS);
  const base = first.peak;
  const speeds: Speed[] = [];
  for (const ms of options.quick ? [50, 500] : [50, 200, 500]) {
    await disk.slow(ms);
    speeds.push({ ms, ...(await during(laptop, ledger, options.quick ? 6_000 : 30_000)) });
    options.progress(`${ms} ms a sync: ${ledger.count("accepted")} acknowledged so far`);
  }
  await disk.slow(0);
  await load.stop();
  await emptied(laptop.reach, 120_000);
  const found = await account(ledger, laptop.reach, dir, bench.progress);
  const line = `cuts 0, ${tell(ledger, found)}; accepted a second ${rates(speeds)}; memory at most ${megabytes(base)} before, ${megabytes(most(speeds))} while slow`;
  mustBalance(found);
  const grown = most(speeds) - base;
  assert.ok(grown < ROOM_OCTETS, `the daemon took ${megabytes(grown)} more on a slow disk: ${line}`);
  await laptop.daemon.stop();
  bench.succeeded();
  return line;
}

/** How many messages a second were accepted meanwhile, and the most memory that the daemon had. */
async function during(laptop: Laptop, ledger: Ledger, ms: number): Promise<Omit<Speed, "ms">> {
  const before = ledger.count("accepted");
  const began = performance.now();
  let peak = 0;
  while (performance.now() - began < ms) {
    await delay(250);
    peak = Math.max(peak, memoryOf(laptop.daemon.pid).now);
  }
  const seconds = (performance.now() - began) / 1_000;
  return { accepted: (ledger.count("accepted") - before) / seconds, peak };
}

const most = (speeds: readonly Speed[]) => Math.max(...speeds.map(({ peak }) => peak));
const megabytes = (octets: number) => `${Math.round(octets / 1e6)} MB`;
const rates = (speeds: readonly Speed[]) =>
  speeds.map(({ ms, accepted }) => `${accepted.toFixed(0)} at ${ms} ms a sync`).join(", ");

export const slowDisk: Scenario = {
  name: "slow-disk",
  about: "each fsync takes 50 to 500 ms longer, under more load than that allows",
  privileged: true,
  run,
};
