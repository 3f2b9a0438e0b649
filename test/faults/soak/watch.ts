/**
 * Looks at every process from time to time: resident memory, open files, and the heap after a full collection; and at how many
 * streams and consumers NATS has. In the end each of these figures must have stayed where it was.
 */
import { readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { memoryOf } from "../../bench/kit/processes.ts";
import { type Sample, type Trend, trendOf } from "./flat.ts";
import type { Fleet, Watched } from "./fleet.ts";
import { Inspector } from "./inspector.ts";

type Kind = "memory" | "objects" | "buffers" | "files" | "streams" | "consumers";

const MB = 1e6;
/** How much each may rise over the two thirds that are looked at, as its slope has it. */
const bounds: Readonly<Record<Kind, number>> = {
  memory: 24 * MB,
  objects: 4 * MB,
  buffers: 4 * MB,
  files: 8,
  streams: 0.5,
  consumers: 4,
};
/**
 * Of nats-server, what a collection leaves: the index of the events of two weeks grows, and blocks that were read lie in caches.
 * Its resident memory is no measure: Go keeps garbage until memory is short.
 */
const natsObjects = 48 * MB;

export interface Verdict extends Trend {
  readonly name: string;
  readonly kind: Kind;
  readonly bound: number;
  readonly flat: boolean;
}

interface Attached {
  readonly process: Watched;
  readonly inspector: Inspector | undefined;
}

export class Watch implements AsyncDisposable {
  readonly #watched: readonly Attached[];
  readonly #nc: NatsConnection;
  readonly #series = new Map<string, { readonly name: string; readonly kind: Kind; samples: Sample[] }>();
  readonly #began = performance.now();

  private constructor(watched: readonly Attached[], nc: NatsConnection) {
    this.#watched = watched;
    this.#nc = nc;
  }

  static async open({ watched, nats }: Fleet): Promise<Watch> {
    const nc = await connect({ servers: nats.url, user: nats.user, pass: nats.password });
    const attached = watched.map(async (process) => ({
      process,
      inspector: process.inspector === undefined ? undefined : await Inspector.attach(process.inspector),
    }));
    return new Watch(await Promise.all(attached), nc);
  }

  async run(everyMs: number, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.look();
      await delay(everyMs, undefined, { signal: stop }).catch(() => {});
    }
  }

  async look(): Promise<void> {
    for (const { process, inspector } of this.#watched) {
      const { name, pid } = process;
      this.#note(name, "files", readdirSync(`/proc/${pid}/fd`).length);
      if (inspector) {
        const { objects, buffers } = await inspector.heap();
        this.#note(name, "objects", objects);
        this.#note(name, "buffers", buffers - ((await process.cached?.()) ?? 0));
      }
      if (process.profiles === undefined) this.#note(name, "memory", memoryOf(pid).now);
      else this.#note(name, "objects", await goHeap(process.profiles));
    }
    const answer = await this.#nc.request("$JS.API.INFO", "", { timeout: 10_000 });
    const { streams, consumers } = answer.json<{ streams: number; consumers: number }>();
    this.#note("nats-server", "streams", streams);
    this.#note("nats-server", "consumers", consumers);
  }

  #note(name: string, kind: Kind, value: number): void {
    const key = `${name} ${kind}`;
    let series = this.#series.get(key);
    if (!series) {
      series = { name, kind, samples: [] };
      this.#series.set(key, series);
    }
    series.samples.push({ at: (performance.now() - this.#began) / 1_000, value });
  }

  verdicts(): Verdict[] {
    return [...this.#series.values()].map(({ name, kind, samples }) => {
      const trend = trendOf(samples);
      const bound = name === "nats-server" && kind === "objects" ? natsObjects : bounds[kind];
      return { name, kind, ...trend, bound, flat: trend.rise <= bound };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { inspector } of this.#watched) inspector?.[Symbol.dispose]();
    await this.#nc.close();
  }
}

/** Octets of objects that a Go program holds after a collection, by its own profile. */
async function goHeap(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/debug/pprof/heap?gc=1&debug=1`);
  const found = /^# HeapAlloc = (\d+)$/m.exec(await answer.text())?.[1];
  if (found === undefined) throw new Error("nats-server's profile has no HeapAlloc");
  return Number(found);
}

/** For people. */
export function verdictText({ name, kind, median, rise, bound, flat }: Verdict): string {
  const figure = (value: number) =>
    bound >= MB ? `${(value / MB).toFixed(1)} MB` : `${Math.round(value * 10) / 10}`;
  const sign = rise > 0 ? "+" : "";
  const end = flat ? "" : `, MORE THAN ${figure(bound)}`;
  return `${name}, ${kind}: ${figure(median)}, ${sign}${figure(rise)}${end}`;
}
