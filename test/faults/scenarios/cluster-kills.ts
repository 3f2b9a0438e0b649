/**
 * kill -9 of single roles and of the NATS that they share, at random moments under load; and now and then one of them is
 * only frozen for a while, shorter than its lease, so that connections stay open and nothing answers.
 */
import { setTimeout as delay } from "node:timers/promises";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import type { Dice } from "../chance.ts";
import type { Daemon } from "../daemon.ts";
import { type Cluster, openCluster } from "../installation.ts";
import type { Ledger } from "../ledger.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const events = ["gateway", "gateway", "nats", "nats", "nats", "owner", "owner", "frozen"] as const;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("cluster-kills", options);
  const { dir, ledger, sink, dice } = bench;
  await using cluster = await openCluster({ dir, sinkPort: sink.port });
  const load = bench.load({ port: cluster.port, rate: 120 });
  const count = Math.ceil(options.kills / 6);
  for (let n = 1; n <= count; n++) {
    await delay(dice.whole(200, 3_000));
    await hurt(cluster, ledger, dice);
    if (n % 10 === 0) options.progress(`${n} of ${count}, ${ledger.count("accepted")} acknowledged`);
  }
  await load.stop();
  await emptied(cluster.reach, 120_000);
  const found = await account(ledger, cluster.reach, dir, bench.progress);
  const line = `kills and freezes ${ledger.outages.length}, ${tell(ledger, found)}`;
  mustBalance(found);
  bench.succeeded();
  return line;
}

async function hurt(cluster: Cluster, ledger: Ledger, dice: Dice): Promise<void> {
  const owner = dice.pick([...cluster.relays, ...cluster.filers]);
  switch (dice.pick(events)) {
    case "gateway":
      return kill(cluster.gateway, ledger);
    case "owner":
      return kill(owner, ledger);
    case "nats":
      return killNats(cluster, ledger, dice);
    case "frozen":
      return freeze(dice.happens(0.5) ? cluster.gateway : owner, ledger, dice.whole(1_000, 15_000));
  }
}

async function killNats({ nats, gateway }: Cluster, ledger: Ledger, dice: Dice): Promise<void> {
  const outage = ledger.broke("nats");
  await nats.kill9();
  await delay(dice.whole(0, 1_500));
  await nats.restart();
  await gateway.ready();
  outage.up = performance.now();
}

async function kill(daemon: Daemon, ledger: Ledger): Promise<void> {
  const outage = ledger.broke(daemon.name);
  await daemon.kill9();
  daemon.start();
  await daemon.ready();
  outage.up = performance.now();
}

async function freeze(daemon: Daemon, ledger: Ledger, ms: number): Promise<void> {
  const outage = ledger.broke(`frozen ${daemon.name}`);
  daemon.signal("SIGSTOP");
  await delay(ms);
  daemon.signal("SIGCONT");
  await daemon.ready();
  outage.up = performance.now();
}

export const clusterKills: Scenario = {
  name: "cluster-kills",
  about: "kill -9 of single roles and of the NATS that they share",
  run,
};
