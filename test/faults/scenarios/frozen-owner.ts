/**
 * Two owners: one of two relays, and one of two mailbox processes, is frozen past its lease. The others take over, and
 * deliver what lay with the frozen ones; then these thaw in the middle of what they did, and find that it is no longer
 * theirs.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import { stranded } from "../healing.ts";
import { type Cluster, openCluster } from "../installation.ts";
import type { Ledger } from "../ledger.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

/** The lease is 30 s. */
const FROZEN_MS = 45_000;
/** What is accepted so long after the freeze must get there while it lasts. */
const STRANDED_MS = 10_000;
/** On a machine that does many other things, too. */
const LONGEST_FREEZE_MS = 240_000;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("frozen-owner", options);
  const { dir, ledger, sink } = bench;
  await using cluster = await openCluster({ dir, sinkPort: sink.port });
  const load = bench.load({ port: cluster.port, rate: 120 });
  await delay(5_000);
  await freeze(cluster, ledger);
  options.progress(`thawed, ${ledger.count("accepted")} acknowledged, ${ledger.copies.length} copies`);
  await delay(10_000);
  await load.stop();
  await emptied(cluster.reach, 90_000);
  const found = await account(ledger, cluster.reach, dir, bench.progress);
  const longest = longestDelay(ledger);
  mustBalance(found);
  bench.succeeded();
  return `frozen past the lease ${ledger.outages.length}, ${tell(ledger, found)}, longest delivery ${(longest / 1_000).toFixed(1)} s`;
}

async function freeze(cluster: Cluster, ledger: Ledger): Promise<void> {
  const frozen = [cluster.relays[0], cluster.filers[0]];
  const outage = ledger.broke("frozen relay and mailbox process");
  for (const daemon of frozen) daemon.signal("SIGSTOP");
  await delay(FROZEN_MS);
  const until = outage.at + STRANDED_MS;
  while (stranded(ledger, until).length > 0 && performance.now() < outage.at + LONGEST_FREEZE_MS)
    await delay(500);
  const left = stranded(ledger, until).length;
  for (const daemon of frozen) daemon.signal("SIGCONT");
  assert.equal(left, 0, `${left} messages waited for a frozen owner: the other one did not take over`);
  await Promise.all(frozen.map((daemon) => daemon.ready()));
  outage.up = performance.now();
}

/** From the client's 250 to the first copy at the next hop. */
function longestDelay({ sent, copies }: Ledger): number {
  const first = new Map<string, number>();
  for (const { id, at } of copies) if (!first.has(id)) first.set(id, at);
  let longest = 0;
  for (const { id, at, told } of sent.values()) {
    const arrived = first.get(id);
    if (told?.kind === "accepted" && at !== undefined && arrived !== undefined)
      longest = Math.max(longest, arrived - at);
  }
  return longest;
}

export const frozenOwner: Scenario = {
  name: "frozen-owner",
  about: "one of two owners is frozen past its lease, then thawed",
  run,
};
