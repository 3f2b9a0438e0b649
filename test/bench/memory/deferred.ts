/**
 * Many jobs that sleep until their next attempt: what they take of the daemon's memory, and how long a start with all of
 * them takes until the first one that is due is tried again.
 *
 * The jobs are real: messages taken by SMTP for a next hop that is down, so each was tried and put off. Only then comes
 * the start that counts, when the first of them are due and the next hop is back.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../kit/ports.ts";
import { memoryOf } from "../kit/processes.ts";
import { send } from "../kit/source.ts";
import { type Fleet, relayTo, startFleet } from "../servers/postfleet.ts";
import { startBusyHop } from "./next-hop.ts";

export interface DeferredMemory {
  readonly jobs: number;
  /** Octets of the daemon before the first message, with all jobs put off, and started anew with all of them. */
  readonly before: number;
  readonly after: number;
  readonly restarted: number;
  /** Seconds from the start of the process until it is ready, and until the first job is tried. */
  readonly readySeconds: number;
  readonly retrySeconds: number;
}

const SETTLE_MS = 15_000;
/** The default wait after a first attempt, and its jitter. */
const FIRST_WAIT_MS = 300_000;
const JITTER = 1.1;
const SIZE = 1_000;

export async function deferredMemory(
  state: string,
  jobs: number,
  progress: (line: string) => void,
): Promise<DeferredMemory> {
  const port = await freePort();
  await using fleet = await startFleet({ state: `${state}/deferred`, resources: relayTo(port) });
  await delay(SETTLE_MS);
  const before = memoryOf(fleet.pid).now;
  const began = performance.now();
  await queue(fleet, jobs, progress);
  progress(`${jobs} jobs were put off in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  await delay(SETTLE_MS);
  const after = memoryOf(fleet.pid).now;
  await stop(fleet);
  await fleet.restart();
  await delay(SETTLE_MS);
  const restarted = memoryOf(fleet.pid).now;
  await stop(fleet);
  const due = began + FIRST_WAIT_MS * JITTER;
  progress(`waiting ${Math.max(0, (due - performance.now()) / 1_000).toFixed(0)} s until the first are due`);
  await delay(Math.max(0, due - performance.now()));
  return { jobs, before, after, restarted, ...(await firstRetry(fleet, port)) };
}

/** Resolves when every message was tried and put off. */
async function queue(fleet: Fleet, jobs: number, progress: (line: string) => void): Promise<void> {
  const seconds = await send({
    port: fleet.port("smtp"),
    messages: jobs,
    size: SIZE,
    sessions: 50,
    kept: true,
    tag: "d",
  });
  progress(`${jobs} messages were accepted in ${seconds.toFixed(0)} s`);
  while ((await fleet.figure("postfleet_outcomes_total", 'outcome="deferred"')) < jobs) await delay(200);
  const held = await fleet.jobs();
  if (held !== jobs) throw new Error(`${held} jobs are queued instead of ${jobs}`);
}

async function stop(fleet: Fleet): Promise<void> {
  fleet.signal("SIGTERM");
  const end = await fleet.exited;
  if (end !== 0) throw new Error(`the daemon ended with ${end}`);
}

async function firstRetry(fleet: Fleet, port: number) {
  await using hop = await startBusyHop(port);
  const began = performance.now();
  const ready = fleet.restart().then(() => performance.now());
  const asked = await Promise.race([hop.asked, delay(120_000)]);
  if (asked === undefined) throw new Error("nothing was tried within two minutes of the start");
  return { readySeconds: ((await ready) - began) / 1_000, retrySeconds: (asked - began) / 1_000 };
}
