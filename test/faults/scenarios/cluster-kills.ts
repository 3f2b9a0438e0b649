/**
 * kill -9 of single roles: gateways and the shared NATS often, owners of the queue now and then (whoever dies holds its
 * lease for 30 s more, so killing them every second would only show that nothing is delivered meanwhile).
 */
import { setTimeout as delay } from "node:timers/promises";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import type { Dice } from "../chance.ts";
import type { Daemon } from "../daemon.ts";
import { type Cluster, openCluster } from "../installation.ts";
import type { Ledger } from "../ledger.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

/** Owners are killed about this often. */
const OWNERS_EVERY_MS = 20_000;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("cluster-kills", options);
  const { dir, ledger, sink, dice } = bench;
  await using cluster = await openCluster({ dir, sinkPort: sink.port });
  const load = bench.load({ port: cluster.port, rate: 120 });
  let ownersAt = performance.now() + 5_000;
  for (let n = 0; n < Math.ceil(options.kills / 4); n++) {
    await delay(dice.whole(200, 2_500));
    if (performance.now() < ownersAt) await killFront(cluster, ledger, dice);
    else {
      await killOwner(cluster, ledger, dice);
      ownersAt = performance.now() + OWNERS_EVERY_MS;
    }
  }
  await load.stop();
  await emptied(cluster.reach, 120_000);
  const found = await account(ledger, cluster.reach, dir, bench.progress);
  const line = `kills ${ledger.outages.length}, ${tell(ledger, found)}`;
  mustBalance(found);
  bench.succeeded();
  return line;
}

async function killFront(cluster: Cluster, ledger: Ledger, dice: Dice): Promise<void> {
  if (dice.happens(0.5)) return await kill(cluster.gateway, ledger);
  const outage = ledger.broke("nats");
  await cluster.nats.kill9();
  await delay(dice.whole(0, 1_500));
  await cluster.nats.restart();
  await cluster.gateway.ready();
  outage.up = performance.now();
}

const killOwner = (cluster: Cluster, ledger: Ledger, dice: Dice): Promise<void> =>
  kill(dice.pick([...cluster.relays, ...cluster.filers]), ledger);

async function kill(daemon: Daemon, ledger: Ledger): Promise<void> {
  const outage = ledger.broke(daemon.name);
  await daemon.kill9();
  daemon.start();
  await daemon.ready();
  outage.up = performance.now();
}

export const clusterKills: Scenario = {
  name: "cluster-kills",
  about: "kill -9 of single roles and of the NATS that they share",
  run,
};
