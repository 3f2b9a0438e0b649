/**
 * One measurement: a load through one server into the sink, from the first connection until the queue is empty.
 *
 * Out:    messages a second end to end, seconds until all were accepted, processor time, and the balance of what was
 *         sent with what came.
 * Fails:  when the server refuses a message, or the queue does not become empty in time: the run is void.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { cpuBetween, cpuOf } from "../kit/processes.ts";
import type { Sink } from "../kit/sink.ts";
import { type Balance, type Load, reconcile, send } from "../kit/source.ts";
import type { Server } from "../servers/server.ts";

export interface Measurement {
  readonly server: string;
  readonly messages: number;
  /** Until the last 250. */
  readonly acceptSeconds: number;
  /** Until the queue was empty. */
  readonly seconds: number;
  /** Seconds of processor time by program, NATS' included. */
  readonly cpu: Readonly<Record<string, number>>;
  /** The same of the sink, which is the same for all. */
  readonly sinkCpu: number;
  readonly balance: Balance;
}

const LOOK_MS = 25;
/** Nothing moved for so long: something is stuck. */
const STUCK_MS = 60_000;

export async function measure(server: Server, common: Sink, load: Omit<Load, "port">): Promise<Measurement> {
  const { sink = common } = server;
  await sink.clear();
  const file = await server.mail?.(load.size);
  const before = { count: await sink.count(), cpu: cpuOf(server.pid), sink: total(cpuOf(sink.pid)) };
  const began = performance.now();
  const acceptSeconds = await send({ ...load, port: server.port, file });
  await arrived(sink, before.count + load.messages);
  await emptied(server);
  const seconds = (performance.now() - began) / 1_000;
  return {
    server: server.name,
    messages: load.messages,
    acceptSeconds,
    seconds,
    cpu: Object.fromEntries(cpuBetween(before.cpu, cpuOf(server.pid))),
    sinkCpu: total(cpuOf(sink.pid)) - before.sink,
    balance: reconcile(load.tag, load.messages, await sink.recipients()),
  };
}

export const total = (times: ReadonlyMap<string, number> | Readonly<Record<string, number>>): number =>
  [...(times instanceof Map ? times.values() : Object.values(times))].reduce((sum, each) => sum + each, 0);

/** Asks the sink, which costs next to nothing, and only then the server, for which it is work. */
export async function arrived(sink: Sink, goal: number): Promise<void> {
  let seen = -1;
  let moved = performance.now();
  for (;;) {
    const count = await sink.count();
    if (count >= goal) return;
    if (count !== seen) {
      seen = count;
      moved = performance.now();
    }
    // What is lost shows in the balance.
    if (performance.now() - moved > STUCK_MS) return;
    await delay(LOOK_MS);
  }
}

export async function emptied(server: Server): Promise<void> {
  const began = performance.now();
  for (;;) {
    const left = await server.queued();
    if (left === 0) return;
    if (performance.now() - began > STUCK_MS)
      throw new Error(`${server.name} still holds ${left} messages after ${STUCK_MS / 1_000} s`);
    await delay(LOOK_MS);
  }
}
