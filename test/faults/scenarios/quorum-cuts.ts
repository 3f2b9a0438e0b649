/**
 * Three nats-servers, each on a disk of its own, every stream on all three: the power fails under one of them, or under all
 * three at once, while the daemons live on. A server acknowledges what a majority has fsynced, so what two disks say must
 * be enough, whichever two are asked first afterwards.
 *
 * `--sync 2m` runs the same with NATS's own default, which fsyncs every two minutes, and fails: what a cut of all three takes
 * away then is whole streams.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loopbackAddresses } from "../../harness/loopback.ts";
import { type ClusterNode, startNatsCluster } from "../../harness/nats-cluster.ts";
import { acceptedAfter, account, emptied, mustBalance, tell } from "../audit.ts";
import { openRoles } from "../installation.ts";
import { diskAt } from "../on-disk.ts";
import type { Disk } from "../powercut.ts";
import { type Bench, type FaultOptions, openBench, type Scenario } from "../scenario.ts";

/** In turn: fsync takes so much longer, ms. */
const slowness = [0, 10, 2] as const;
/** A cut of one may wait for an election; its owner's settlements wait with it. */
const SETTLING_MS = 20_000;
const HEALED_WITHIN_MS = 120_000;

interface Node {
  readonly server: ClusterNode;
  readonly disk: Disk;
}

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("quorum-cuts", options);
  const { dir, sink, ledger } = bench;
  await using disks = new AsyncDisposableStack();
  const places = [0, 1, 2].map((n) => join(dir, `nats-${n}`));
  const mounted: Disk[] = [];
  for (const [n, place] of places.entries()) {
    const disk = disks.use(await diskAt(place, bench, String(n)));
    await disk.mount(0);
    mounted.push(disk);
  }
  const addresses = loopbackAddresses(3);
  const servers = places.map((place, n) => ({ address: addresses[n] as string, enter: [], dir: place }));
  await using nats = await startNatsCluster({ nodes: servers, sync: options.sync });
  const ways = { smarthost: { host: "127.0.0.1", port: sink.port } };
  await using roles = await openRoles({ dir, nats: nats.access, ways, args: ["--replicas", "3"] });
  const load = bench.load({ port: roles.port, connections: 16, rate: 80 });
  const nodes = nats.nodes.map((server, n) => ({ server, disk: mounted[n] as Disk }));
  const dropped = await cuts(bench, nodes, options);
  await load.stop();
  await emptied(roles.reach, 180_000);
  const found = await account(ledger, roles.reach, dir, bench.progress, SETTLING_MS);
  const all = ledger.outages.filter(({ victim }) => victim.includes("three")).length;
  const line = `cuts ${ledger.outages.length} (${all} of all three at once, half of them torn; ${Math.round(dropped / 1e3)} kB dropped), ${tell(ledger, found)}`;
  mustBalance(found);
  bench.succeeded();
  return line;
}

/** All three, and one of them, in turn; returns how many octets were not durable. */
async function cuts(
  { dice, ledger, progress }: Bench,
  nodes: readonly Node[],
  options: FaultOptions,
): Promise<number> {
  const count = options.quick ? 2 : Math.ceil(options.cuts / 2);
  let dropped = 0;
  for (let n = 0; n < count; n++) {
    await delay(dice.whole(500, 4_000));
    const all = n % 2 === 0;
    const victims = all ? nodes : [dice.pick([...nodes] as [Node, ...Node[]])];
    const torn = dice.happens(0.5);
    const outage = ledger.broke(`${torn ? "torn cut" : "cut"} of ${all ? "all three" : "one"}`);
    const seed = dice.whole(1, 1_000_000);
    const lost = await Promise.all(victims.map((node) => cut(node, torn ? seed : undefined)));
    dropped += lost.reduce((sum, each) => sum + each, 0);
    // Not at the same moment: which two are there first decides who leads.
    await Promise.all(victims.map((node) => revive(node, dice.whole(0, 2_000), slowness[n % 3] ?? 0)));
    outage.up = await acceptedAfter(ledger, performance.now(), HEALED_WITHIN_MS);
    progress(`cut ${n + 1} of ${count}: ${outage.victim}, ${ledger.count("accepted")} acknowledged`);
  }
  await delay(2_000);
  return dropped;
}

async function cut({ server, disk }: Node, torn: number | undefined): Promise<number> {
  const lost = await disk.cut([server.pid], torn);
  await server.exited;
  return lost.dropped_bytes;
}

async function revive({ server, disk }: Node, after: number, slow: number): Promise<void> {
  await delay(after);
  await disk.mount(slow);
  await server.start();
}

export const quorumCuts: Scenario = {
  name: "quorum-cuts",
  about: "the power fails under one of three nats-servers, or under all three at once",
  privileged: true,
  run,
};
