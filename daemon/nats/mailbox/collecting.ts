/**
 * Rounds of collection in the background: one process per stream at a time, by a lease.
 *
 * In:     the mailbox streams; a signal that ends it.
 * Out:    a round a minute, at once again while there is much to do.
 */
import { nuid } from "@nats-io/transport-node";
import type { Chance, Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { Collector, type CollectorParts } from "./collector.ts";
import { takeLease } from "./lease.ts";
import { leaseSubject, type Shard } from "./subjects.ts";

const PAUSE_MS = 60_000;

/** Resolves when the signal has aborted and the round that was running has ended. */
export async function collectForever(
  parts: CollectorParts,
  chance: Chance,
  signal: AbortSignal,
): Promise<void> {
  const collector = new Collector(parts);
  while (!signal.aborted) {
    await pause(parts.clock, PAUSE_MS * (0.5 + chance()), signal);
    if (!signal.aborted) await oneRound(collector, parts, signal);
  }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

async function oneRound(collector: Collector, parts: CollectorParts, signal: AbortSignal): Promise<void> {
  const { reader, commit, shard, log } = parts;
  try {
    await using lease = await takeLease(reader, commit, leaseSubject(shard, "collector"), nuid.next());
    if (!lease) return;
    const { looked, removed } = await collector.round(AbortSignal.any([signal, lease.lost]));
    if (removed > 0) logRound(log, shard, looked, removed);
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error, stream: shard }, "collecting bodies has to wait");
  }
}

function logRound(log: Log, stream: Shard, looked: number, removed: number): void {
  log.info({ stream, looked, removed }, "bodies that nothing refers to were removed");
}
