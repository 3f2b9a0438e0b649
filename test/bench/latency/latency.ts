/**
 * How long a client waits for its 250 at half load: an open load at half of what a server was seen to carry.
 *
 * First each server's most is measured as in `throughput`, with kept connections; then every server gets half of its own
 * most, and half of the others' where that is less than its most. A round is void when a message is lost or comes twice.
 */
import { type Machine, machineOf } from "../kit/machine.ts";
import { freePort } from "../kit/ports.ts";
import { type Sink, startSink } from "../kit/sink.ts";
import { isBalanced, reconcile } from "../kit/source.ts";
import { median, rotated } from "../kit/stats.ts";
import type { BenchOptions } from "../options.ts";
import type { Server, ServerName } from "../servers/server.ts";
import { arrived, emptied, measure } from "../throughput/measure.ts";
import { start } from "../throughput/throughput.ts";
import { type Pace, sendPaced } from "./paced.ts";

export interface PaceResult extends Pace {
  readonly server: string;
  /** Messages a second. */
  readonly rate: number;
  readonly round: number;
  readonly balanced: boolean;
}

export interface LatencyReport {
  readonly machine: Machine;
  readonly size: number;
  /** Messages a second that each carried. */
  readonly most: Readonly<Record<string, number>>;
  readonly results: readonly PaceResult[];
  readonly balanced: boolean;
}

/** Those that are compared unless others are named. */
const compared: readonly ServerName[] = ["postfix", "haraka", "postfleet"];
/** How long a rate is kept, seconds. */
const SECONDS = 10;

export async function latency(
  options: BenchOptions,
  progress: (line: string) => void,
): Promise<LatencyReport> {
  const { state, sizes, rounds, sessions } = options;
  const size = sizes[0] ?? 5_000;
  const machine = await machineOf(state);
  await using parts = new AsyncDisposableStack();
  const sink = parts.use(await startSink(await freePort()));
  const servers: Server[] = [];
  for (const name of options.only.filter((each) => compared.includes(each)))
    servers.push(parts.use(await start[name]({ sinkPort: sink.port, state })));
  const most: Record<string, number> = {};
  for (const server of servers) {
    most[server.name] = await mostOf(server, sink, size, options);
    progress(`${server.name} carries ${most[server.name]?.toFixed(0)} messages a second`);
  }
  const results: PaceResult[] = [];
  for (const rate of ratesOf(Object.values(most)))
    for (let round = 0; round < rounds; round++)
      for (const server of rotated(servers, round)) {
        if (rate >= (most[server.name] ?? 0)) continue;
        const result = await paced(server, sink, { rate, round, size, sessions });
        results.push(result);
        progress(`${server.name} at ${rate}/s: p99 ${result.accept.p99.toFixed(1)} ms`);
      }
  return { machine, size, most, results, balanced: results.every(({ balanced }) => balanced) };
}

/** The median of the rounds, after one to get warm. */
async function mostOf(server: Server, sink: Sink, size: number, options: BenchOptions): Promise<number> {
  const { messages, sessions, rounds } = options;
  const rates: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const load = { messages, size, sessions, kept: true, tag: `m${round + 1}` };
    const { seconds } = await measure(server, sink, load);
    if (round >= 0) rates.push(messages / seconds);
  }
  return median(rates);
}

/** Half of each, the least first. */
const ratesOf = (most: readonly number[]): number[] =>
  [...new Set(most.map((each) => Math.max(1, Math.round(each / 2))))].sort((a, b) => a - b);

interface Try {
  readonly rate: number;
  readonly round: number;
  readonly size: number;
  readonly sessions: number;
}

async function paced(server: Server, sink: Sink, { rate, round, size, sessions }: Try): Promise<PaceResult> {
  await sink.clear();
  const before = await sink.count();
  const tag = `p${rate}r${round}`;
  const messages = rate * SECONDS;
  const load = { port: server.port, perSecond: rate, messages, octets: size, sessions, tag };
  const pace = await sendPaced(load);
  await arrived(sink, before + messages);
  await emptied(server);
  const balanced = isBalanced(reconcile(tag, messages, await sink.recipients()));
  return { server: server.name, rate, round, balanced, ...pace };
}
