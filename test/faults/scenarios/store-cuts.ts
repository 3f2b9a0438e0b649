/**
 * Power cuts under the shared NATS alone, while gateways, relays and mailbox processes live on: what they have heard of
 * and what the store remembers may differ by what was not synced yet, and they must come to agree again.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import { openCluster } from "../installation.ts";
import { diskAt } from "../on-disk.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

/** In turn: fsync takes so much longer, ms. */
const slowness = [2, 15, 0] as const;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("store-cuts", options);
  const { dir, sink, dice, ledger } = bench;
  const natsDir = join(dir, "nats");
  await using disk = await diskAt(natsDir, bench);
  await disk.mount(slowness[0]);
  await using cluster = await openCluster({ dir, sinkPort: sink.port, natsDir });
  const load = bench.load({ port: cluster.port, connections: 24, rate: 120 });
  for (let n = 0; n < Math.ceil(options.cuts / 3); n++) {
    await delay(dice.whole(1_000, 5_000));
    const torn = n % 2 === 1 ? dice.whole(1, 1_000_000) : undefined;
    const outage = ledger.broke(torn === undefined ? "cut" : "torn cut");
    await disk.cut([cluster.nats.pid], torn);
    await disk.mount(slowness[(n + 1) % slowness.length] ?? 0);
    await cluster.nats.restart();
    await cluster.gateway.ready();
    outage.up = performance.now();
    if ((n + 1) % 4 === 0) options.progress(`${n + 1} cuts, ${ledger.count("accepted")} acknowledged`);
  }
  await delay(5_000);
  await load.stop();
  await emptied(cluster.reach, 120_000);
  const found = await account(ledger, cluster.reach, dir, bench.progress);
  const line = `cuts ${ledger.outages.length}, ${tell(ledger, found)}`;
  mustBalance(found);
  bench.succeeded();
  return line;
}

export const storeCuts: Scenario = {
  name: "store-cuts",
  about: "the power fails under the shared NATS while the daemons live on",
  privileged: true,
  run,
};
