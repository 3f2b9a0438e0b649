/**
 * Throughput of Postfix, Haraka and Postfleet as durable relays: the same load, sink, disk and machine, in one run.
 *
 * Each kind of load (size × connections kept or not) is measured in several rounds; in each round every server has its
 * turn while the others idle, in rotating order. Before the first round each server is warmed up with every kind.
 */
import { find } from "../../harness/programs.ts";
import { type Machine, machineOf } from "../kit/machine.ts";
import { freePort } from "../kit/ports.ts";
import { type Sink, startSink } from "../kit/sink.ts";
import { isBalanced } from "../kit/source.ts";
import { rotated } from "../kit/stats.ts";
import type { BenchOptions } from "../options.ts";
import { startExamined, startUnexamined } from "../servers/inbound.ts";
import { haraka, postfix, startPeer } from "../servers/peer.ts";
import { startPostfleetServer, startSigningServer } from "../servers/postfleet.ts";
import type { Server, ServerName, Setting } from "../servers/server.ts";
import { type Measurement, measure } from "./measure.ts";

export interface Kind {
  readonly size: number;
  readonly kept: boolean;
}

export interface Result extends Measurement, Kind {
  readonly round: number;
}

export interface ThroughputReport {
  readonly machine: Machine;
  readonly servers: Readonly<Record<string, string>>;
  readonly sessions: number;
  readonly results: readonly Result[];
  /** Every message of every round came exactly once. */
  readonly balanced: boolean;
}

export const start: Readonly<Record<ServerName, (setting: Setting) => Promise<Server>>> = {
  postfix: (setting) => startPeer(postfix, setting),
  haraka: (setting) => startPeer(haraka, setting),
  postfleet: startPostfleetServer,
  "postfleet-dkim": (setting) => startSigningServer("postfleet-dkim", ["Rsa2048", "Ed25519"], setting),
  "postfleet-rsa": (setting) => startSigningServer("postfleet-rsa", ["Rsa2048"], setting),
  "postfleet-ed25519": (setting) => startSigningServer("postfleet-ed25519", ["Ed25519"], setting),
  "postfleet-in": startUnexamined,
  "postfleet-checks": startExamined,
};

/** See `servers/inbound.ts`. */
const needsProxy: ReadonlySet<ServerName> = new Set(["postfleet-in", "postfleet-checks"]);

export async function throughput(
  options: BenchOptions,
  progress: (line: string) => void,
): Promise<ThroughputReport> {
  const machine = await machineOf(options.state);
  await using parts = new AsyncDisposableStack();
  const sink = parts.use(await startSink(await freePort()));
  const servers: Server[] = [];
  for (const name of options.only) {
    if (needsProxy.has(name) && find("haproxy") === undefined) {
      progress(`${name} is passed over: haproxy is not installed`);
      continue;
    }
    progress(`starting ${name}`);
    servers.push(parts.use(await start[name]({ sinkPort: sink.port, state: options.state })));
  }
  const results: Result[] = [];
  for (const kind of kindsOf(options)) {
    for (const server of servers) await warmUp(server, sink, kind, options);
    for (let round = 0; round < options.rounds; round++)
      for (const server of rotated(servers, round)) {
        const result = { ...kind, round, ...(await oneRun(server, sink, kind, options, round)) };
        results.push(result);
        progress(line(result));
      }
  }
  return {
    machine,
    servers: Object.fromEntries(servers.map(({ name, version }) => [name, version])),
    sessions: options.sessions,
    results,
    balanced: results.every(({ balance }) => isBalanced(balance)),
  };
}

const kindsOf = ({ sizes }: BenchOptions): Kind[] =>
  sizes.flatMap((size) => [true, false].map((kept) => ({ size, kept })));

/** Fewer of the large ones, so that each takes a similar time. */
export const messagesOf = ({ messages }: Pick<BenchOptions, "messages">, size: number): number =>
  Math.max(1, Math.min(messages, Math.ceil((messages * 25_000) / (size + 20_000))));

function oneRun(server: Server, sink: Sink, { size, kept }: Kind, options: BenchOptions, round: number) {
  const tag = `r${round}${kept ? "k" : "f"}${size}`;
  const { sessions } = options;
  return measure(server, sink, { messages: messagesOf(options, size), size, sessions, kept, tag });
}

async function warmUp(server: Server, sink: Sink, { size, kept }: Kind, options: BenchOptions) {
  const messages = Math.ceil(messagesOf(options, size) / 4);
  await measure(server, sink, { messages, size, sessions: options.sessions, kept, tag: "warm" });
}

function line({ server, size, kept, messages, seconds, cpu, balance }: Result): string {
  const busy = Object.entries(cpu).map(([name, s]) => `${name} ${((s * 1_000) / messages).toFixed(2)}`);
  const lost = isBalanced(balance)
    ? ""
    : `  NOT BALANCED: ${balance.missing.length} missing, ${balance.repeated.length} twice, ${balance.strange.length} strange`;
  return (
    `${size} octets, ${kept ? "kept" : "one each"}: ${server.padEnd(9)} ${(messages / seconds).toFixed(0).padStart(5)}/s, ` +
    `processor ms a message: ${busy.join(", ")}${lost}`
  );
}
