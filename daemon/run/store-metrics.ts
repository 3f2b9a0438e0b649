/**
 * Figures of the store as those feel it who hand in mail: whether it takes any, and what could not be written.
 *
 * How full it is has a figure for the store as a whole, where that has a bound, and one for each stream that has.
 * A process that has not reached NATS yet, or no longer, says `away`: an alert must not need a working store.
 */
import type { Registry } from "prom-client";
import type { Level } from "../nats/admission.ts";
import type { FaultKind } from "../nats/fault.ts";

type Prom = typeof import("prom-client");

const closures = ["away", "full"] as const;
/** Why no new mail may come in. */
type Closure = (typeof closures)[number];

export interface StoreMetrics {
  /** A record of the queue, or a body, could not be written or read; its client hears 451 or 452. */
  readonly storeFault: (kind: FaultKind) => void;
}

/** What is looked at when figures are read. */
export interface StoreView {
  /** Why no new mail may come in. */
  closed(): Closure | undefined;
  /** Of the store, and of its streams. */
  levels(): Iterable<readonly [of: string, level: Level]>;
}

export function storeMetrics(registry: Registry, view: StoreView, { Counter, Gauge }: Prom): StoreMetrics {
  const registers = [registry];
  new Gauge({
    name: "postfleet_store_closed",
    help: "1 while no new mail may come in: NATS is away, or the store is nearly full",
    labelNames: ["reason"],
    registers,
    collect() {
      const now = view.closed();
      for (const reason of closures) this.set({ reason }, now === reason ? 1 : 0);
    },
  });
  new Gauge({
    name: "postfleet_store_octets",
    help: "What the store holds, each copy counted, and what streams hold that have a bound of their own",
    labelNames: ["of"],
    registers,
    collect() {
      this.reset();
      for (const [of, { bytes }] of view.levels()) this.set({ of }, bytes);
    },
  });
  new Gauge({
    name: "postfleet_store_limit_octets",
    help: "What the store and such streams may hold; new mail is refused at 80 % of it (at 90 % of a store that --max-store bounds)",
    labelNames: ["of"],
    registers,
    collect() {
      this.reset();
      for (const [of, { limit }] of view.levels()) this.set({ of }, limit);
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
