/**
 * The network between the roles breaks and heals, again and again under load: each role, each NATS server and the next
 * hop are hosts of their own (`divided.ts`), parted by dropping packets one way or both ways, or by taking links down.
 * A relay that NATS cannot be reached from stops when its lease is gone, though it still reaches the next hop.
 */
import { setTimeout as delay } from "node:timers/promises";
import { acceptedAfter, account, emptied, mustBalance, tell } from "../audit.ts";
import { type Divided, openDivided, openGround } from "../divided.ts";
import { mustSpeakTruly } from "../healing.ts";
import type { Ledger } from "../ledger.ts";
import { type Partition, partitionKinds } from "../partitions.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const QUICK = 2;
const SHORT_MS = 15_000;

async function run(options: FaultOptions): Promise<string> {
  await using ground = await openGround();
  await using bench = await openBench("partitions", options, ground.sink.address);
  const { dir, ledger, sink, dice } = bench;
  await using divided = await openDivided(ground, dir, sink.port);
  const load = bench.load({ client: { host: divided.hosts.gateway.address }, port: divided.port, rate: 60 });
  await acceptedAfter(ledger, 0);
  let longestHealing = 0;
  const kinds = options.quick
    ? partitionKinds.filter(({ long }) => !long).slice(0, QUICK)
    : Array.from({ length: Math.ceil(options.kills / 100) }, () => partitionKinds).flat();
  for (const kind of kinds) {
    await delay(dice.whole(1_000, 3_000));
    const healed = await part(divided, ledger, kind, options.quick ? SHORT_MS / 5 : SHORT_MS);
    longestHealing = Math.max(longestHealing, healed);
    options.progress(`${kind.name}: first 250 after ${healed} ms, ${ledger.count("accepted")} acknowledged`);
  }
  await load.stop();
  await emptied(divided.reach, 120_000);
  const found = await account(ledger, divided.reach, dir, bench.progress);
  const wait = (ledger.longestWait / 1_000).toFixed(1);
  const line = `partitions ${ledger.outages.length}, ${tell(ledger, found)}, longest wait of a client ${wait} s, first 250 at most ${longestHealing} ms after healing`;
  mustBalance(found);
  bench.succeeded();
  return line;
}

/** How long after the healing the first message was acknowledged that was begun after it, ms. */
async function part(divided: Divided, ledger: Ledger, kind: Partition, ms: number): Promise<number> {
  const outage = ledger.broke(kind.name);
  const heal = await kind.cut(divided);
  const from = performance.now();
  await (kind.lasts?.(divided, ledger, from) ?? delay(ms));
  const to = performance.now();
  await heal();
  const back = performance.now();
  const healed = await acceptedAfter(ledger, back);
  outage.up = performance.now();
  kind.verify?.(divided, ledger, { from, to });
  if (kind.silent) mustSpeakTruly(ledger, from, to);
  return Math.round(healed - back);
}

export const partitions: Scenario = {
  name: "partitions",
  about: "the network between gateway, NATS, relays, mailbox processes and next hop breaks and heals",
  isolated: true,
  run,
};
