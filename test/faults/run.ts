/**
 * `make faults`: hurts real installations under load and accounts for every message.
 *
 * Run:   node test/faults/run.ts [SCENARIO…] [options]; `--help` lists them
 * Out:   one line a scenario on standard output, progress on standard error.
 * Fails: status 1 when a scenario finds anything wrong, 2 for wrong usage. Power cuts need root and /dev/fuse, partitions
 *        root and a few commands; without them they are passed over, and a line says so.
 */
import { accessSync, constants } from "node:fs";
import { parseArgs } from "node:util";
import { canIsolate, inIsolation, isIsolated } from "./isolation.ts";
import type { FaultOptions, Scenario } from "./scenario.ts";
import { clockJumps } from "./scenarios/clock-jumps.ts";
import { clusterKills } from "./scenarios/cluster-kills.ts";
import { diskFull } from "./scenarios/disk-full.ts";
import { dnsOutage } from "./scenarios/dns-outage.ts";
import { drillCluster, drillLaptop } from "./scenarios/drills.ts";
import { elections } from "./scenarios/elections.ts";
import { frozenOwner } from "./scenarios/frozen-owner.ts";
import { kills } from "./scenarios/kills.ts";
import { mailboxCuts } from "./scenarios/mailbox-cuts.ts";
import { mailboxRace } from "./scenarios/mailbox-race.ts";
import { natsGone } from "./scenarios/nats-gone.ts";
import { partitions } from "./scenarios/partitions.ts";
import { powerCuts } from "./scenarios/power-cuts.ts";
import { quorumCuts } from "./scenarios/quorum-cuts.ts";
import { restarts } from "./scenarios/restarts.ts";
import { slowDisk } from "./scenarios/slow-disk.ts";
import { storeCuts } from "./scenarios/store-cuts.ts";
import { storeFull } from "./scenarios/store-full.ts";
import { upgrades } from "./scenarios/upgrades.ts";

const scenarios: readonly Scenario[] = [
  kills,
  clusterKills,
  frozenOwner,
  mailboxRace,
  natsGone,
  storeFull,
  restarts,
  powerCuts,
  storeCuts,
  quorumCuts,
  mailboxCuts,
  slowDisk,
  diskFull,
  partitions,
  elections,
  dnsOutage,
  upgrades,
  clockJumps,
  drillLaptop,
  drillCluster,
];

const usage = `node test/faults/run.ts [SCENARIO…] [options]   all scenarios when none is named

  --kills N        of kills; other scenarios do their share of it (200)
  --cuts N         power cuts (32)
  --seed N         what chance decides; told when a scenario fails
  --sync INTERVAL  how often nats-server syncs where its power is cut: always, or 2m (always)
  --quick          a short run of each

`;

function help(): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return usage + scenarios.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}\n`).join("");
}

function privileged(): boolean {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

interface Order {
  readonly chosen: readonly Scenario[];
  readonly options: FaultOptions;
}

function parse(argv: readonly string[]): Order | "help" {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      kills: { type: "string" },
      cuts: { type: "string" },
      sync: { type: "string", default: "always" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const unknown = positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0)
    throw new TypeError(
      `no scenario ${unknown.join(", ")}; there are ${scenarios.map(({ name }) => name).join(", ")}`,
    );
  const { quick } = values;
  return {
    chosen: positionals.length === 0 ? scenarios : scenarios.filter(({ name }) => positionals.includes(name)),
    options: {
      kills: Number(values.kills ?? (quick ? 10 : 200)),
      cuts: Number(values.cuts ?? (quick ? 2 : 32)),
      seed: Number(values.seed),
      sync: values.sync,
      quick,
      progress: (line) => console.error(`  ${line}`),
    },
  };
}

/** True when it holds. */
async function attempt(scenario: Scenario, options: FaultOptions): Promise<boolean> {
  const { name, about } = scenario;
  if (scenario.privileged && !privileged()) {
    console.log(`${name}: passed over, it needs root and /dev/fuse`);
    return true;
  }
  if (scenario.isolated && !canIsolate()) {
    console.log(`${name}: passed over, it needs root, ip (iproute2), nft (nftables), nsenter and unshare`);
    return true;
  }
  if (scenario.isolated && !isIsolated()) return inIsolation(name, options);
  console.error(`${name}: ${about}`);
  const began = performance.now();
  try {
    const line = await scenario.run(options);
    console.log(`${name}: ${line}, ${Math.round((performance.now() - began) / 1_000)} s`);
    return true;
  } catch (error) {
    console.log(`${name}: FAILED with seed ${options.seed}: ${(error as Error).stack ?? error}`);
    return false;
  }
}

/** How many do not hold. */
async function all({ chosen, options }: Order): Promise<number> {
  let failed = 0;
  for (const scenario of chosen) if (!(await attempt(scenario, options))) failed++;
  return failed;
}

try {
  const order = parse(process.argv.slice(2));
  if (order === "help") process.stdout.write(help());
  else process.exitCode = (await all(order)) > 0 ? 1 : 0;
} catch (error) {
  console.error(`faults: ${(error as Error).message}`);
  process.exitCode = 2;
}
