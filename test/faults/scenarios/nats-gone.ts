/**
 * NATS is gone for a minute under load (killed, and nobody starts it again), then frozen for half a minute (connections
 * stay open, nothing answers). Clients are told to come back or wait, but never longer than the limit; nobody hears a
 * 250 that is not true; and the daemons heal by themselves.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { acceptedAfter, account, emptied, mustBalance, tell } from "../audit.ts";
import { mustSpeakTruly } from "../healing.ts";
import { type Cluster, openCluster } from "../installation.ts";
import type { Ledger } from "../ledger.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const GONE_MS = 60_000;
const FROZEN_MS = 30_000;
/** The limit is 20 s after the final dot; a busy machine may add a little. */
const LONGEST_WAIT_MS = 25_000;
const HEALED_WITHIN_MS = 15_000;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("nats-gone", options);
  const { dir, ledger, sink } = bench;
  await using cluster = await openCluster({ dir, sinkPort: sink.port });
  const load = bench.load({ port: cluster.port, rate: 120 });
  await delay(3_000);
  const gone = await without(ledger, "nats gone", options.quick ? 20_000 : GONE_MS, kill(cluster));
  options.progress(`NATS is back, first 250 after ${gone.healed} ms`);
  await delay(5_000);
  const frozen = await without(ledger, "nats frozen", options.quick ? 15_000 : FROZEN_MS, freeze(cluster));
  options.progress(`NATS is thawed, first 250 after ${frozen.healed} ms`);
  await delay(5_000);
  await load.stop();
  await emptied(cluster.reach, 120_000);
  const found = await account(ledger, cluster.reach, dir, bench.progress);
  const wait = ledger.longestWait / 1_000;
  const line = `${tell(ledger, found)}, first 250 after ${gone.healed} and ${frozen.healed} ms`;
  mustBalance(found);
  mustSpeakTruly(ledger, gone.from, gone.to);
  assert.ok(ledger.longestWait < LONGEST_WAIT_MS, `a client waited ${wait} s`);
  assert.ok(Math.max(gone.healed, frozen.healed) < HEALED_WITHIN_MS, "healing took too long");
  bench.succeeded();
  return line;
}

interface Fault {
  readonly begin: () => Promise<void>;
  readonly end: () => Promise<void>;
}

const kill = ({ nats }: Cluster): Fault => ({ begin: () => nats.kill9(), end: () => nats.restart() });
const freeze = ({ nats }: Cluster): Fault => ({
  begin: async () => nats.freeze(),
  end: async () => nats.thaw(),
});

async function without(ledger: Ledger, name: string, ms: number, { begin, end }: Fault) {
  const outage = ledger.broke(name);
  await begin();
  const from = performance.now();
  await delay(ms);
  const to = performance.now();
  await end();
  const back = performance.now();
  const healed = Math.round((await acceptedAfter(ledger, back, 60_000)) - back);
  outage.up = performance.now();
  return { from, to, healed };
}

export const natsGone: Scenario = {
  name: "nats-gone",
  about: "NATS is gone for a minute, then frozen for half of one",
  run,
};
