/**
 * `make soak`: mixed traffic at a modest rate for half an hour, nothing broken; then every message is accounted for, and
 * memory, open files, streams and consumers of every process must have stayed where they were.
 *
 * Run:   node test/faults/soak/run.ts [--minutes N] [--seed N]     (SOAK_MINUTES is another way; 30 when nothing is said)
 * Out:   one line about the mail, then one for each figure.
 * Fails: status 1 when anything is wrong, 2 for wrong usage. Below 10 minutes processes are still warming up: then figures are
 *        printed, and not judged.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { emptied, mustBalance, tell } from "../audit.ts";
import { Ledger } from "../ledger.ts";
import { reconcile } from "../reconcile.ts";
import { openFleet } from "./fleet.ts";
import { Traffic } from "./traffic.ts";
import { verdictText, Watch } from "./watch.ts";

const JUDGED_FROM_MINUTES = 10;
const SAMPLES = 90;
const EMPTY_WITHIN_MS = 300_000;

interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly progress: (line: string) => void;
}

/** Resolves with the lines to be printed; rejects when anything is wrong. */
async function soak(options: SoakOptions): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), "postfleet-soak-"));
  const ledger = new Ledger();
  await using fleet = await openFleet(dir, ledger);
  await using watch = await Watch.open(fleet);
  const broken = new AbortController();
  const traffic = new Traffic(fleet, ledger, options.seed, (error) => broken.abort(error));
  const duration = options.minutes * 60_000;
  const over = AbortSignal.any([AbortSignal.timeout(duration), broken.signal]);
  const watching = watch.run(Math.max(2_000, duration / SAMPLES), over);
  watching.catch((error) => broken.abort(error));
  await tellUntil(over, ledger, options.progress);
  await watching;
  broken.signal.throwIfAborted();
  await traffic.stopSending();
  await emptied(fleet.reach, EMPTY_WITHIN_MS);
  await traffic.stopReading();
  const line = await reconciled(traffic, ledger);
  const verdicts = watch.verdicts();
  const lines = [line, ...verdicts.map(verdictText)];
  const judged = options.minutes >= JUDGED_FROM_MINUTES;
  if (judged && verdicts.some(({ flat }) => !flat)) throw new Error(`something grows:\n${lines.join("\n")}`);
  await rm(dir, { recursive: true, force: true });
  return judged ? lines : [...lines, "too short for a judgement about memory"];
}

async function reconciled(traffic: Traffic, ledger: Ledger): Promise<string> {
  const filed = new Map(traffic.collectors.map(({ address, found }) => [address, found.ids]));
  const reported = traffic.collectors.flatMap(({ found }) => found.reported);
  const damaged = [...ledger.damaged, ...traffic.collectors.flatMap(({ found }) => found.damaged)];
  const { sent, copies, outages } = ledger;
  const found = reconcile({ ledger: { sent, copies, outages, damaged }, filed, reported });
  const line = `cuts 0, ${tell(ledger, found)}, ${reported.length} bounces, ${traffic.commands} turns of programs, ${traffic.looked} answers of the API`;
  mustBalance(found);
  const faults = await traffic.workFaults();
  if (faults.length > 0) throw new Error(`${line}\n${faults.slice(0, 20).join("\n")}`);
  return line;
}

async function tellUntil(over: AbortSignal, ledger: Ledger, progress: (line: string) => void): Promise<void> {
  for (let minute = 1; !over.aborted; minute++) {
    await delay(60_000, undefined, { signal: over }).catch(() => {});
    progress(`${minute} min: ${ledger.count("accepted")} acknowledged, ${ledger.copies.length} sent on`);
  }
}

function parse(argv: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: { minutes: { type: "string" }, seed: { type: "string", default: "1" } },
  });
  const minutes = Number(values.minutes ?? process.env["SOAK_MINUTES"] ?? 30);
  if (!(minutes > 0)) throw new TypeError("--minutes is a number above 0");
  return { minutes, seed: Number(values.seed), progress: (line) => console.error(`  ${line}`) };
}

try {
  const options = parse(process.argv.slice(2));
  const began = performance.now();
  try {
    for (const line of await soak(options)) console.log(`soak: ${line}`);
    console.log(`soak: ${Math.round((performance.now() - began) / 1_000)} s`);
  } catch (error) {
    console.log(`soak: FAILED: ${(error as Error).stack ?? error}`);
    process.exitCode = 1;
  }
} catch (error) {
  console.error(`soak: ${(error as Error).message}`);
  process.exitCode = 2;
}
