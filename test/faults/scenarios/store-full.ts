/**
 * The store runs full because nothing can be delivered. Clients hear 452 4.3.1; what was accepted still finds room for
 * its deferrals and its reports; and when the next hop heals, everything is delivered and new mail is accepted again.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { account, emptied, mustBalance, tell } from "../audit.ts";
import { createLaptop, type Laptop } from "../installation.ts";
import type { Ledger } from "../ledger.ts";
import { command, mailIn } from "../mail-found.ts";
import { senderMailbox } from "../mix.ts";
import { type FaultOptions, openBench, type Scenario } from "../scenario.ts";

const FULL_WITHIN_MS = 300_000;

async function run(options: FaultOptions): Promise<string> {
  await using bench = await openBench("store-full", options);
  const { dir, ledger, sink } = bench;
  await using laptop = await createLaptop({ dir, sinkPort: sink.port, args: ["--max-store", "128Mi"] });
  laptop.daemon.start();
  await laptop.daemon.ready();
  sink.deferring = true;
  const load = bench.load({ port: laptop.port, rate: 400 });
  const fullAfter = await untilFull(ledger);
  options.progress(`full after ${fullAfter} ms and ${ledger.count("accepted")} messages`);
  await delay(10_000);
  await load.stop();
  mustHaveBeenTold(ledger);
  await deferralsFit(laptop);
  const reported = await reportsFit(laptop, dir);
  options.progress(`full: deferrals are written, ${reported} failures were reported`);
  const outage = ledger.broke("full store");
  sink.deferring = false;
  await emptied(laptop.reach, 300_000);
  outage.up = performance.now();
  const healed = await heals(ledger, () => bench.load({ port: laptop.port, rate: 50 }));
  await emptied(laptop.reach, 180_000);
  const found = await account(ledger, laptop.reach, dir, bench.progress);
  const line = `452 after ${ledger.count("accepted")} messages, ${tell(ledger, found)}, accepted again ${healed} ms after the queue was empty`;
  mustBalance(found);
  assert.equal(found.duplicates.length, 0, "nothing was killed, so nothing may come twice");
  bench.succeeded();
  return line;
}

const isFull = (reply: string) => reply.startsWith("452 4.3.1");
const isAway = (reply: string) => reply.startsWith("451 4.3.0");

async function untilFull({ sent }: Ledger): Promise<number> {
  const began = performance.now();
  for (;;) {
    for (const { told } of sent.values())
      if (told?.kind === "refused" && isFull(told.reply)) return Math.round(performance.now() - began);
    assert.ok(performance.now() - began < FULL_WITHIN_MS, "the store did not run full");
    await delay(100);
  }
}

function mustHaveBeenTold({ sent }: Ledger): void {
  const refused = [...sent.values()].flatMap(({ told }) => (told?.kind === "refused" ? [told.reply] : []));
  const others = refused.filter((reply) => !isFull(reply));
  assert.deepEqual(
    others.filter((reply) => !isAway(reply)),
    [],
    "other answers than 250 and 452 4.3.1",
  );
  // A machine that stands still for a while lets clients hear that the store is away. One that is full is not.
  assert.ok(others.length * 5 < refused.length, `${others.length} of ${refused.length} heard: ${others[0]}`);
}

/** The attempts of every job that waits go up. */
async function deferralsFit(laptop: Laptop): Promise<void> {
  const before = await attempts(laptop);
  assert.ok(before.size > 0, "nothing waits");
  const until = performance.now() + 180_000;
  for (;;) {
    await delay(2_000);
    const after = await attempts(laptop);
    const stuck = [...before].filter(([key, count]) => (after.get(key) ?? Number.POSITIVE_INFINITY) <= count);
    if (stuck.length === 0) return;
    assert.ok(performance.now() < until, `${stuck.length} of ${before.size} jobs are not tried again`);
  }
}

async function attempts({ reach }: Laptop): Promise<Map<string, number>> {
  const text = await command(reach, "queue", "list", "--json");
  const jobs = text.split("\n").filter(Boolean);
  return new Map(
    jobs.map((line) => {
      const { key, attempts: count } = JSON.parse(line) as { key: string; attempts: number };
      return [key, count];
    }),
  );
}

/** Failures are reported although the queue is full. */
async function reportsFit(laptop: Laptop, dir: string): Promise<number> {
  const { reported } = await mailIn(laptop.reach, senderMailbox, dir);
  assert.ok(reported.length > 0, "no failure was reported");
  return reported.length;
}

async function heals(ledger: Ledger, begin: () => { stop(): Promise<void> }): Promise<number> {
  const began = performance.now();
  const before = ledger.count("accepted");
  const load = begin();
  while (ledger.count("accepted") < before + 20) {
    assert.ok(performance.now() - began < 120_000, "nothing is accepted although there is room");
    await delay(50);
  }
  await load.stop();
  return Math.round(performance.now() - began);
}

export const storeFull: Scenario = {
  name: "store-full",
  about: "nothing can be delivered until the store is full, then everything",
  run,
};
