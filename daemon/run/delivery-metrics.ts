/**
 * Figures of the queue and of what leaves it: jobs by state and destination, attempts, sites, connections to next hops.
 *
 * Destinations are names, and there may be a million of them: the largest `LARGEST` are told by name, the rest together. Counting
 * them is a look at every job, so it is done while somebody reads figures, and once in `FRESH_MS`.
 */
import type { Registry } from "prom-client";
import { bounceOf } from "../mail/bounce/classify.ts";
import type { Outcome } from "../mail/outcome.ts";
import { type Groups, queueStates } from "../queue/inquiry.ts";

export interface QueueFigures {
  readonly jobs: number;
  readonly due: number;
  readonly deferred: number;
  readonly oldestDue: number | undefined;
  readonly partitions: number;
  readonly workers: number;
  readonly stalled: number;
  readonly lanes: number;
}

/** What is asked of the delivering roles when figures are read, by the name of their pool. */
export interface DeliveryView {
  queues(): readonly (readonly [pool: string, QueueFigures])[];
  sites(): Readonly<Record<string, number>>;
  /** The largest destinations, and the totals. */
  groups(limit: number): Promise<readonly (readonly [pool: string, Groups])[]>;
}

export interface DeliveryMetrics {
  /** Labelled with what it is about: `bounce/classes` are few. */
  outcome(outcome: Outcome): void;
  /** An attempt is over. `how`: delivered, deferred, failed, expired. */
  attempt(pool: string, how: string, ms: number): void;
  /** What became of a report of abuse. */
  complaint(result: string): void;
  /** A connection to a next hop was opened; `undefined`: in plain text. */
  nextHop(tls: string | undefined): void;
  partitions(pool: string, change: "gained" | "lost", count: number): void;
}

type Prom = typeof import("prom-client");

const LARGEST = 20;
const FRESH_MS = 60_000;

export function deliveryMetrics(
  registry: Registry,
  prom: Prom,
  view: DeliveryView,
  now: () => number,
): DeliveryMetrics {
  const { Counter, Gauge, Histogram } = prom;
  const registers = [registry];
  const outcomes = new Counter({
    name: "postfleet_outcomes_total",
    help: "How attempts ended, per recipient, and what other ends than deliveries were about",
    labelNames: ["outcome", "class"],
    registers,
  });
  const attempts = new Histogram({
    name: "postfleet_attempt_seconds",
    help: "How long attempts took, from the connection's turn to the last answer",
    labelNames: ["pool", "outcome"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600],
    registers,
  });
  const complaints = new Counter({
    name: "postfleet_complaints_total",
    help: "Reports of abuse: counted, untied (not provably about mail of ours), or meaningless",
    labelNames: ["result"],
    registers,
  });
  const nextHops = new Counter({
    name: "postfleet_next_hop_connections_total",
    help: "Connections to next hops that were opened, by TLS version; messages by these are the reuse",
    labelNames: ["tls"],
    registers,
  });
  const partitions = new Counter({
    name: "postfleet_partition_changes_total",
    help: "Partitions of the queue that this process gained or gave up",
    labelNames: ["pool", "change"],
    registers,
  });
  new Gauge({
    name: "postfleet_sites",
    help: "Sites that mail goes to: open, slowed because they asked for less, paused, or suspended by an operator",
    labelNames: ["state"],
    registers,
    collect() {
      for (const [state, count] of Object.entries(view.sites())) this.set({ state }, count);
    },
  });
  queueGauges(view, now, { Gauge, registers });
  destinationGauge(view, now, { Gauge, registers });
  return {
    outcome: (outcome) => outcomes.inc({ outcome: outcome.kind, class: bounceOf(outcome) ?? "delivered" }),
    attempt: (pool, outcome, ms) => attempts.observe({ pool, outcome }, ms / 1_000),
    complaint: (result) => complaints.inc({ result }),
    nextHop: (tls = "none") => nextHops.inc({ tls }),
    partitions: (pool, change, count) => partitions.inc({ pool, change }, count),
  };
}

interface Gauges {
  readonly Gauge: Prom["Gauge"];
  readonly registers: Registry[];
}

function queueGauges(view: DeliveryView, now: () => number, { Gauge, registers }: Gauges): void {
  const figures = ofThisTurn(() => view.queues());
  const gauge = (name: string, help: string, read: (of: QueueFigures) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["pool"],
      registers,
      collect() {
        for (const [pool, all] of figures()) this.set({ pool }, read(all));
      },
    });
  gauge("postfleet_queue_jobs", "Jobs this process owns", (f) => f.jobs);
  gauge("postfleet_queue_partitions", "Partitions of the queue that this process owns", (f) => f.partitions);
  gauge("postfleet_queue_deferred_jobs", "Jobs that wait for a later try", (f) => f.deferred);
  gauge("postfleet_queue_due_jobs", "Jobs that are due and not yet under way", (f) => f.due);
  gauge("postfleet_queue_oldest_due_seconds", "How long the oldest due job has been waiting", (f) =>
    f.oldestDue === undefined ? 0 : Math.max(0, (now() - f.oldestDue) / 1_000),
  );
  gauge("postfleet_delivery_workers", "Delivery workers at work", (f) => f.workers);
  gauge(
    "postfleet_delivery_stalled",
    "Connections that wait for a greeting that does not come; their workers do not count",
    (f) => f.stalled,
  );
  gauge("postfleet_delivery_lanes", "Ways out in use", (f) => f.lanes);
}

/** One look serves all gauges of a scrape, which ask one after the other: with a million jobs it is work. */
function ofThisTurn<T>(look: () => T): () => T {
  let seen: { readonly value: T } | undefined;
  return () => {
    if (seen === undefined) {
      seen = { value: look() };
      setImmediate(() => {
        seen = undefined;
      });
    }
    return seen.value;
  };
}

function destinationGauge(view: DeliveryView, now: () => number, { Gauge, registers }: Gauges): void {
  let lookedAt = Number.NEGATIVE_INFINITY;
  new Gauge({
    name: "postfleet_queue_destination_jobs",
    help: `Jobs this process owns by state, the ${LARGEST} largest destinations by name, the rest as (other); counted once a minute at most`,
    labelNames: ["pool", "destination", "state"],
    registers,
    async collect() {
      if (Math.abs(now() - lookedAt) < FRESH_MS) return;
      lookedAt = now();
      const found = await view.groups(LARGEST);
      this.reset();
      for (const [pool, groups] of found)
        for (const { destination, state, jobs } of byDestination(groups))
          if (jobs > 0) this.inc({ pool, destination, state }, jobs);
    },
  });
}

interface Counted {
  readonly destination: string;
  readonly state: string;
  readonly jobs: number;
}

/** No domain has such a name. */
const other = "(other)";

function byDestination({ total, groups }: Groups): readonly Counted[] {
  return queueStates.flatMap((state) => {
    const named = groups.map((group) => ({
      destination: group.destination as string,
      state,
      jobs: group[state],
    }));
    const rest = total[state] - named.reduce((sum, { jobs }) => sum + jobs, 0);
    return [...named, { destination: other, state, jobs: rest }];
  });
}
