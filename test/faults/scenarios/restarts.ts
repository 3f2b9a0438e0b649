/**
 * The polite way: every process is told to stop (SIGTERM) and started again under load, as a rolling upgrade does. Open
 * transactions end, partitions are handed over: nothing is lost, nothing comes twice, and no client is left guessing.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import { openCluster } from "../installation.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const PAUSE_MS = 3_000;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("restarts", options);
  const { dir, ledger, sink } = bench;
  await using cluster = await openCluster({ dir, sinkPort: sink.port });
  const load = bench.load({ port: cluster.port, rate: 120 });
  const { gateway, relays, filers } = cluster;
  const round = [gateway, ...relays, ...filers];
  for (const daemon of options.quick ? round : [...round, ...round]) {
    await delay(PAUSE_MS);
    const ending = await daemon.stop();
    assert.equal(ending, "exit status 0", `${daemon.name} did not end well`);
    daemon.start();
    await daemon.ready();
  }
  await delay(PAUSE_MS);
  await load.stop();
  await emptied(cluster.reach, 90_000);
  const found = await account(ledger, cluster.reach, dir, bench.progress);
  const line = `restarts ${options.quick ? 5 : 10}, ${tell(ledger, found)}`;
  mustBalance(found);
  assert.equal(found.duplicates.length, 0, "nothing was killed, so nothing may come twice");
  assert.equal(found.unknown, 0, "a client was cut after its final dot");
  bench.succeeded();
  return line;
}

export const restarts: Scenario = {
  name: "restarts",
  about: "every process is restarted politely under load",
  run,
};
