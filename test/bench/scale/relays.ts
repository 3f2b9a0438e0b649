/**
 * One, two and four relay processes beside one gateway and one NATS: how many messages a second go through, and what each
 * process takes of a processor for one. Messages are for many domains, since a domain's jobs belong to one owner; the way out is
 * one sink for all of them.
 */
import { performance } from "node:perf_hooks";
import { freePort } from "../kit/ports.ts";
import { type Sink, startSink } from "../kit/sink.ts";
import { type Fleet, relayTo } from "../servers/postfleet.ts";
import { type Cell, cpuSeconds, openCell } from "./cell.ts";
import { sendLoad } from "./load.ts";
import type { ScaleOptions } from "./options.ts";
import { waitFor } from "./time.ts";

export interface RelayRun {
  readonly relays: number;
  readonly messages: number;
  /** From the first connection until the last message came. */
  readonly seconds: number;
  readonly acceptSeconds: number;
  readonly acceptP99: number;
  /** Processor ms a message. */
  readonly gateway: number;
  /** Of each relay. */
  readonly relay: readonly number[];
  readonly nats: number;
  /** Of the programs that send and take. */
  readonly others: number;
}

const COUNTS = [1, 2, 4] as const;
const SESSIONS = 50;
const OCTETS = 5_000;
const DOMAINS = 1_000;
/** Of the queue, over which relays share the work. */
const PARTITIONS = 64;

export async function relays(options: ScaleOptions, progress: (line: string) => void): Promise<RelayRun[]> {
  const runs: RelayRun[] = [];
  await using sink = await startSink(await freePort(), "count");
  await using cell = await openCell({ state: options.state, resources: relayTo(sink.port) });
  const running: Fleet[] = [];
  for (const count of COUNTS) {
    while (running.length < count) running.push(await cell.relay());
    await shared(running);
    await oneRun(cell, sink, running, Math.ceil(options.messages / 4));
    const run = await oneRun(cell, sink, running, options.messages);
    progress(JSON.stringify(run));
    runs.push(run);
  }
  return runs;
}

/** Each has its part of the queue. */
const shared = (running: readonly Fleet[]) =>
  waitFor(
    "the relays share the queue",
    async () => {
      const parts = await Promise.all(running.map((relay) => relay.figure("postfleet_queue_partitions")));
      return parts.every((part) => part > 0) && parts.reduce((sum, part) => sum + part, 0) === PARTITIONS;
    },
    { limitMs: 120_000 },
  );

async function oneRun(
  cell: Cell,
  sink: Sink,
  running: readonly Fleet[],
  messages: number,
): Promise<RelayRun> {
  const pids = [cell.gateway.pid, cell.nats.pid, sink.pid, ...running.map(({ pid }) => pid)];
  const before = { count: await sink.count(), cpu: pids.map(cpuSeconds) };
  const began = performance.now();
  const load = { messages, destinations: DOMAINS, recipients: 1, octets: OCTETS, sessions: SESSIONS };
  const sent = await sendLoad({ ...load, port: cell.gateway.port("smtp"), zone: "bench.example" });
  const arrived = async () => (await sink.count()) >= before.count + messages;
  await waitFor("every message came", arrived, { limitMs: 300_000, everyMs: 25 });
  const seconds = (performance.now() - began) / 1_000;
  const spent = pids.map((pid, i) => ((cpuSeconds(pid) - (before.cpu[i] ?? 0)) * 1_000) / messages);
  const [gateway = 0, nats = 0, taking = 0, ...relay] = spent;
  return {
    relays: running.length,
    messages,
    seconds,
    acceptSeconds: sent.seconds,
    acceptP99: sent.accept.p99,
    gateway,
    relay,
    nats,
    others: taking + (sent.cpu * 1_000) / messages,
  };
}
