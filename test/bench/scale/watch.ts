/**
 * What processes weigh at a moment, and what they work in a stretch of time.
 */
import { memoryOf } from "../kit/processes.ts";
import type { Fleet } from "../servers/postfleet.ts";
import { type Cell, cpuSeconds } from "./cell.ts";

/** Octets, at one moment. */
export interface Weights {
  readonly when: string;
  readonly jobs: number;
  readonly relay: number;
  /** What its heap holds, garbage included. */
  readonly relayHeap: number;
  readonly gateway: number;
  readonly nats: number;
  /** What NATS keeps on disk. */
  readonly store: number;
}

/** Processor seconds and attempts in a stretch of time. */
export interface Work {
  readonly name: string;
  readonly seconds: number;
  readonly attempts: number;
  readonly gateway: number;
  readonly relay: number;
  readonly nats: number;
}

export const deferredBy = (relay: Fleet) => relay.figure("postfleet_outcomes_total", 'outcome="deferred"');

/** Weighs processes and counts what they work. */
export class Watch {
  readonly weights: Weights[] = [];
  readonly work: Work[] = [];
  readonly #cell: Cell;
  readonly #progress: (line: string) => void;

  constructor(cell: Cell, progress: (line: string) => void) {
    this.#cell = cell;
    this.#progress = progress;
  }

  async weigh(when: string, relay: Fleet): Promise<void> {
    const { gateway, nats } = this.#cell;
    const weights = {
      when,
      jobs: await relay.jobs(),
      relay: memoryOf(relay.pid).now,
      relayHeap: await relay.figure("nodejs_heap_size_used_bytes"),
      gateway: memoryOf(gateway.pid).now,
      nats: memoryOf(nats.pid).now,
      store: await this.#cell.stored(),
    };
    this.weights.push(weights);
    this.#progress(JSON.stringify(weights));
  }

  async during<T>(name: string, relay: Fleet, work: () => Promise<T>): Promise<T> {
    const { gateway, nats } = this.#cell;
    const look = async () => ({
      at: performance.now() / 1_000,
      attempts: await deferredBy(relay),
      gateway: cpuSeconds(gateway.pid),
      relay: cpuSeconds(relay.pid),
      nats: cpuSeconds(nats.pid),
    });
    const before = await look();
    const result = await work();
    const after = await look();
    const done = {
      name,
      seconds: after.at - before.at,
      attempts: after.attempts - before.attempts,
      gateway: after.gateway - before.gateway,
      relay: after.relay - before.relay,
      nats: after.nats - before.nats,
    };
    this.work.push(done);
    this.#progress(JSON.stringify(done));
    return result;
  }
}
