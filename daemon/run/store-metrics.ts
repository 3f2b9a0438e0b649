/**
 * Figures of the store as those feel it who hand in mail: whether it takes any, and what could not be written.
 *
 * A process that has not reached NATS yet, or no longer, says `away`: an alert must not need a working store.
 */
import type { Registry } from "prom-client";
import type { FaultKind } from "../nats/fault.ts";

type Prom = typeof import("prom-client");

const closures = ["away", "full"] as const;
/** Why no new mail may come in. */
export type Closure = (typeof closures)[number];

export interface StoreMetrics {
  /** A record of the queue, or a body, could not be written or read; its client hears 451 or 452. */
  readonly storeFault: (kind: FaultKind) => void;
}

export function storeMetrics(
  registry: Registry,
  closed: () => Closure | undefined,
  { Counter, Gauge }: Prom,
): StoreMetrics {
  const registers = [registry];
  new Gauge({
    name: "postfleet_store_closed",
    help: "1 while no new mail may come in: NATS is away, or the store is nearly full",
    labelNames: ["reason"],
    registers,
    collect() {
      const now = closed();
      for (const reason of closures) this.set({ reason }, now === reason ? 1 : 0);
    },
  });
  const faults = new Counter({
    name: "postfleet_store_faults_total",
    help: "What could not be written to the queue or read from it: NATS was away for too long, full, too busy, or refused it",
    labelNames: ["kind"],
    registers,
  });
  return { storeFault: (kind) => faults.inc({ kind }) };
}
