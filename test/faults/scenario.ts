/**
 * What every scenario is: one function that hurts an installation under load, audits it, and returns one line.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Dice, diceFrom } from "./chance.ts";
import { Ledger } from "./ledger.ts";
import { Load, type LoadOptions } from "./load.ts";
import { Mix } from "./mix.ts";
import { Sink } from "./sink.ts";

export interface FaultOptions {
  readonly kills: number;
  readonly cuts: number;
  readonly seed: number;
  /** When nats-servers of a cluster fsync: `always`, or how often. */
  readonly sync: string;
  /** Shorter outages, for a first look. */
  readonly quick: boolean;
  /** A line about what goes on. */
  readonly progress: (line: string) => void;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Needs root and /dev/fuse. */
  readonly privileged?: true;
  /** Runs in a network namespace of its own; needs root, ip, nft, nsenter and unshare. */
  readonly isolated?: true;
  /** Rejects when anything is wrong. Resolves with one line. */
  run(options: FaultOptions): Promise<string>;
}

/** What each scenario begins with. */
export interface Bench extends AsyncDisposable {
  readonly dir: string;
  readonly ledger: Ledger;
  readonly sink: Sink;
  readonly dice: Dice;
  readonly progress: (line: string) => void;
  load(over: Pick<LoadOptions, "port"> & Partial<LoadOptions>): Load;
  /** Removes the folder at the end; what failed is kept, to be looked at. */
  succeeded(): void;
}

/** `sinkHost`: where the next hop listens; loopback when absent. */
export async function openBench(name: string, options: FaultOptions, sinkHost?: string): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), `postfleet-${name}-`));
  const dice = diceFrom(options.seed);
  const ledger = new Ledger();
  const sink = await new Sink(ledger).listen(sinkHost);
  const mix = new Mix(dice, name);
  const loads: Load[] = [];
  let keep = true;
  return {
    dir,
    ledger,
    sink,
    dice,
    progress: options.progress,
    load: (over) => {
      const load = new Load({ ledger, mix, connections: 8, rate: 250, ...over });
      loads.push(load);
      return load;
    },
    succeeded: () => {
      keep = false;
    },
    async [Symbol.asyncDispose]() {
      for (const load of loads) load.abandon();
      await sink[Symbol.asyncDispose]();
      if (keep) options.progress(`logs are kept in ${dir}`);
      else await rm(dir, { recursive: true, force: true });
    },
  };
}
