/**
 * A rolling upgrade under load: an earlier nats-server and an earlier Postfleet are replaced, process by process. First
 * three NATS servers, each when the one before has caught up; then two gateways behind a balancer, two relays and two
 * mailbox processes, by SIGTERM, with the drain delay that the chart gives them. No client is refused a connection or
 * left guessing, nothing is lost.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findServer } from "../../../daemon/nats/server/find.ts";
import { loopbackAddresses } from "../../harness/loopback.ts";
import { type NatsCluster, startNatsCluster } from "../../harness/nats-cluster.ts";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import { Balancer } from "../balancer.ts";
import { type Daemon, launcher } from "../daemon.ts";
import { openRoles, type Roles } from "../installation.ts";
import { type Bench, type FaultOptions, openBench, type Scenario } from "../scenario.ts";
import { earlierNats, earlierPostfleet } from "../versions.ts";

const PAUSE_MS = 2_000;
const DRAIN_DELAY_S = 2;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("upgrades", options);
  const { dir, ledger, sink, progress } = bench;
  const [oldNats, oldFleet] = [await earlierNats(progress), await earlierPostfleet(dir)];
  const newNats = await findServer({ env: process.env, progress });
  progress(`from nats-server ${oldNats.name} and Postfleet ${oldFleet.name}`);
  const nodes = loopbackAddresses(3).map((address, n) => ({
    address,
    enter: [],
    dir: join(dir, `nats-${n}`),
  }));
  await using nats = await startNatsCluster({ nodes, program: oldNats.program });
  await using roles = await openRoles({
    dir,
    nats: nats.access,
    ways: { smarthost: { host: "127.0.0.1", port: sink.port } },
    args: ["--replicas", "3", "--drain-delay", String(DRAIN_DELAY_S)],
    gateways: 2,
    launcher: oldFleet.program,
  });
  await using balancer = await Balancer.open(
    roles.gateways.map(({ daemon, port }) => ({ port, isReady: () => daemon.isReady() })),
  );
  let unreachable = 0;
  const load = bench.load({ port: balancer.port, rate: 80, onUnreachable: () => unreachable++ });
  await delay(PAUSE_MS);
  await replaceNats(bench, nats, newNats.program);
  const wait = ledger.longestWait;
  await replaceFleet(bench, roles);
  await load.stop();
  await emptied(roles.reach, 90_000);
  const found = await account(ledger, roles.reach, dir, progress);
  const { refused, unserved } = balancer;
  const line = `processes replaced ${ledger.outages.length} (nats-server ${oldNats.name} to ${newNats.version}, Postfleet ${oldFleet.name} to the present one), ${tell(ledger, found)}, connections refused ${refused}, without a gateway ${unserved}, without a greeting ${unreachable}, longest wait of a client ${(wait / 1_000).toFixed(1)} s while NATS was replaced and ${(ledger.longestWait / 1_000).toFixed(1)} s in all`;
  mustBalance(found);
  assert.deepEqual({ refused, unserved, unreachable }, { refused: 0, unserved: 0, unreachable: 0 }, line);
  assert.equal(found.unknown, 0, "a client was cut after its final dot");
  bench.succeeded();
  return line;
}

async function replaceNats({ ledger, progress }: Bench, nats: NatsCluster, program: string): Promise<void> {
  for (const node of nats.nodes) {
    const outage = ledger.broke("nats-server");
    await node.stop();
    await node.start(program);
    await nats.caughtUp(["Q0", "B0", "OWN"]);
    outage.up = performance.now();
    progress(`${node.name} replaced, ${ledger.count("accepted")} acknowledged`);
    await delay(PAUSE_MS);
  }
}

async function replaceFleet({ ledger, progress }: Bench, roles: Roles): Promise<void> {
  const { gateways, relays, filers } = roles;
  const daemons: Daemon[] = [...gateways.map(({ daemon }) => daemon), ...relays, ...filers];
  for (const daemon of daemons) {
    const outage = ledger.broke(daemon.name);
    assert.equal(await daemon.stop(), "exit status 0", `${daemon.name} did not end well`);
    daemon.start(launcher);
    await daemon.ready();
    outage.up = performance.now();
    progress(`${daemon.name} replaced, ${ledger.count("accepted")} acknowledged`);
    await delay(PAUSE_MS);
  }
}

export const upgrades: Scenario = {
  name: "upgrades",
  about: "an earlier NATS and an earlier Postfleet are replaced process by process",
  run,
};
