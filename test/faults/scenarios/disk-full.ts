/**
 * The disk itself runs full under NATS, which its own limit is there to prevent: JetStream then refuses to write and may
 * stay like that after there is room again. Clients are told to come back; the daemon gets its store going again; and
 * nothing that was accepted is lost.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { acceptedAfter, account, emptied, mustBalance, tell } from "../audit.ts";
import type { Ledger } from "../ledger.ts";
import { laptopOnDisk } from "../on-disk.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const ROOM_OCTETS = 10 << 20;
const FULL_FOR_MS = 15_000;
const HEALED_WITHIN_MS = 60_000;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("disk-full", options);
  const { dir, ledger } = bench;
  await using powered = await laptopOnDisk(bench);
  const { disk, laptop } = powered;
  await powered.powerOn();
  const load = bench.load({ port: laptop.port });
  await delay(3_000);
  await disk.full(ROOM_OCTETS);
  const outage = ledger.broke("full disk");
  await refused(ledger);
  options.progress("the disk is full");
  await delay(FULL_FOR_MS);
  await disk.full(-1);
  const room = performance.now();
  const healed = Math.round((await acceptedAfter(ledger, room, HEALED_WITHIN_MS)) - room);
  options.progress(`accepted again after ${healed} ms`);
  outage.up = performance.now();
  await delay(5_000);
  await load.stop();
  await emptied(laptop.reach, 120_000);
  const found = await account(ledger, laptop.reach, dir, bench.progress);
  const line = `${tell(ledger, found)}, accepted again ${healed} ms after there was room`;
  mustBalance(found);
  await laptop.daemon.stop();
  bench.succeeded();
  return line;
}

/** Resolves when nothing has been accepted for three seconds. */
async function refused(ledger: Ledger): Promise<void> {
  const began = performance.now();
  for (let before = -1, now = 0; before !== now; ) {
    before = now;
    await delay(3_000);
    now = ledger.count("accepted");
    assert.ok(performance.now() - began < 120_000, "the disk did not run full");
  }
}

export const diskFull: Scenario = {
  name: "disk-full",
  about: "the disk runs full under the store, then has room again",
  privileged: true,
  run,
};
