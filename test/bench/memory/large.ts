/**
 * Many large messages at once: bodies pass through the daemon in chunks, so its memory must not follow their size.
 */
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../kit/ports.ts";
import { memoryOf } from "../kit/processes.ts";
import { startSink } from "../kit/sink.ts";
import { asServer, relayTo, startFleet } from "../servers/postfleet.ts";
import { measure } from "../throughput/measure.ts";

export interface LargeMemory {
  readonly messages: number;
  readonly octets: number;
  /** Octets of the daemon before, at most, and afterwards. */
  readonly before: number;
  readonly peak: number;
  readonly after: number;
  readonly seconds: number;
  /** Messages that the sink has in the end. */
  readonly arrived: number;
}

const OCTETS = 25_000_000;
const SETTLE_MS = 15_000;

export async function largeMemory(state: string, messages: number): Promise<LargeMemory> {
  // The envelopes of smtp-sink come with the messages, which would not fit into memory: here counting must do.
  await using sink = await startSink(await freePort(), "count");
  await using fleet = await startFleet({
    state: `${state}/large`,
    resources: relayTo(sink.port, [`  limits: {connectionsPerClient: ${messages + 50}}`]),
    args: ["--max-store", "50Gi"],
  });
  await delay(SETTLE_MS);
  const before = memoryOf(fleet.pid).now;
  const load = { messages, size: OCTETS, sessions: messages, kept: false, tag: "large" };
  const { seconds } = await measure(asServer(fleet), sink, load);
  const { peak } = memoryOf(fleet.pid);
  await delay(SETTLE_MS);
  const { now: after } = memoryOf(fleet.pid);
  return { messages, octets: OCTETS, before, peak, after, seconds, arrived: await sink.count() };
}
