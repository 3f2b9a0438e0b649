/**
 * The memory scenario: at rest, after a load, with many deferred jobs, under many large messages.
 */
import { setTimeout as delay } from "node:timers/promises";
import { describeMachine, type Machine, machineOf } from "../kit/machine.ts";
import { freePort } from "../kit/ports.ts";
import { memoryOf } from "../kit/processes.ts";
import { startSink } from "../kit/sink.ts";
import { megabytes, table } from "../kit/table.ts";
import type { BenchOptions } from "../options.ts";
import { asServer, relayTo, startFleet } from "../servers/postfleet.ts";
import { measure } from "../throughput/measure.ts";
import { type DeferredMemory, deferredMemory } from "./deferred.ts";
import { type IdleMemory, idleMemory } from "./idle.ts";
import { type LargeMemory, largeMemory } from "./large.ts";

export interface MemoryReport {
  readonly machine: Machine;
  readonly idle: readonly IdleMemory[];
  /** Octets of the daemon after a load of small messages. */
  readonly afterLoad: number;
  readonly deferred: DeferredMemory;
  readonly large: LargeMemory;
}

const SETTLE_MS = 15_000;

export async function memory(options: BenchOptions, progress: (line: string) => void): Promise<MemoryReport> {
  const { state, jobs, large } = options;
  const machine = await machineOf(state);
  progress("at rest, by role");
  const idle = await idleMemory(state);
  progress("after a load");
  const afterLoad = await loaded(options);
  progress(`${large} messages of 25 MB at once`);
  const largeReport = await largeMemory(state, large);
  progress(`${jobs} deferred jobs`);
  return {
    machine,
    idle,
    afterLoad,
    large: largeReport,
    deferred: await deferredMemory(state, jobs, progress),
  };
}

async function loaded({ state, messages, sessions }: BenchOptions): Promise<number> {
  await using sink = await startSink(await freePort());
  await using fleet = await startFleet({ state: `${state}/loaded`, resources: relayTo(sink.port) });
  const load = { messages, size: 5_000, sessions, kept: true, tag: "m" };
  await measure(asServer(fleet), sink, load);
  await delay(SETTLE_MS);
  return memoryOf(fleet.pid).now;
}

export const memoryIsValid = ({ large }: MemoryReport): boolean => large.arrived === large.messages;

export function memoryText({ machine, idle, afterLoad, deferred, large }: MemoryReport): string {
  const rows = idle.map(({ roles, daemon, nats }) => [
    `idle, role ${roles}`,
    megabytes(daemon),
    nats === undefined ? "" : `its nats-server ${megabytes(nats)}`,
  ]);
  rows.push(["all roles, after 5 kB messages", megabytes(afterLoad), ""]);
  const { jobs } = deferred;
  const added = (octets: number) =>
    `${megabytes(octets - deferred.before)} more than ${megabytes(deferred.before)}`;
  rows.push([`${jobs} jobs put off, just now`, megabytes(deferred.after), added(deferred.after)]);
  rows.push([
    `${jobs} jobs put off, after a restart`,
    megabytes(deferred.restarted),
    added(deferred.restarted),
  ]);
  const { messages, octets, seconds, arrived } = large;
  rows.push([
    `${messages} × ${megabytes(octets)} at once, at most`,
    megabytes(large.peak),
    `${megabytes(large.peak - large.before)} more; ${megabytes(large.after)} afterwards`,
  ]);
  return [
    describeMachine(machine),
    table(["resident memory of the daemon", "", ""], rows),
    `Start with ${jobs} jobs: ready after ${deferred.readySeconds.toFixed(2)} s, first one tried again after ` +
      `${deferred.retrySeconds.toFixed(2)} s.`,
    `${arrived} of ${messages} large messages came to the sink, ${seconds.toFixed(0)} s in all.`,
  ].join("\n\n");
}
