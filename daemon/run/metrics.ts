/**
 * The daemon's figures, as Prometheus reads them. One place names them all; the parts get small functions to call.
 */
import type { Registry } from "prom-client";
import { bounceOf } from "../mail/bounce/classify.ts";
import type { Outcome } from "../mail/outcome.ts";
import { type ServerMetrics, serverMetrics } from "./server-metrics.ts";

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

export interface Metrics extends ServerMetrics {
  readonly registry: Registry;
  accepted(octets: number, ms: number): void;
  /** Labelled with what it is about: `bounce/classes` are few. */
  outcome(outcome: Outcome): void;
  /** What became of a report of abuse. */
  complaint(result: string): void;
  commit(entries: number, ms: number): void;
  clockAhead(ms: number): void;
  /** A connection to a next hop was opened; `undefined`: in plain text. */
  nextHop(tls: string | undefined): void;
  partitions(pool: string, change: "gained" | "lost", count: number): void;
  /** A look of a content filter ended. */
  filtered(kind: string, result: string, ms: number): void;
  /** A report to another domain, at its end. */
  report(kind: string, state: string): void;
  /** Names of rules are few. */
  readonly refused: (rule: string) => void;
}

export async function openMetrics(
  queues: () => readonly [string, QueueFigures][],
  now: () => number,
  sites: () => Readonly<Record<string, number>> = () => ({}),
): Promise<Metrics> {
  const prom = await import("prom-client");
  const { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } = prom;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const accepted = new Counter({
    name: "postfleet_accepted_messages_total",
    help: "Messages answered 250",
    registers,
  });
  const octets = new Counter({
    name: "postfleet_accepted_octets_total",
    help: "Octets of accepted messages",
    registers,
  });
  const acceptTime = new Histogram({
    name: "postfleet_accept_seconds",
    help: "From the final dot to the durable 250",
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 20],
    registers,
  });
  const outcomes = new Counter({
    name: "postfleet_outcomes_total",
    help: "How attempts ended, per recipient",
    labelNames: ["outcome", "class"],
    registers,
  });
  const complaints = new Counter({
    name: "postfleet_complaints_total",
    help: "Reports of abuse: counted, untied (not provably about mail of ours), or meaningless",
    labelNames: ["result"],
    registers,
  });
  const batch = new Histogram({
    name: "postfleet_commit_entries",
    help: "Entries per group commit",
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    registers,
  });
  const commit = new Histogram({
    name: "postfleet_commit_seconds",
    help: "How long the store takes for a group commit",
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5],
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
  const clock = new Gauge({
    name: "postfleet_clock_ahead_seconds",
    help: "By how much this machine's clock is ahead of that of NATS; negative: behind",
    registers,
  });
  const refusals = new Counter({
    name: "postfleet_refusals_total",
    help: "Connections, senders and recipients that were refused, by the rule that refused them",
    labelNames: ["rule"],
    registers,
  });
  const filtered = new Histogram({
    name: "postfleet_filter_seconds",
    help: "How long content filters took for a message, by what they thought of it",
    labelNames: ["kind", "result"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
    registers,
  });
  const reports = new Counter({
    name: "postfleet_reports_total",
    help: "Reports to other domains that were made here, DMARC and TLS: sent, waiting for another try, failed or doubtful",
    labelNames: ["kind", "state"],
    registers,
  });
  queueGauges(queues, now, { Gauge, registers });
  new Gauge({
    name: "postfleet_sites",
    help: "Sites that mail goes to: open, slowed because they asked for less, or paused",
    labelNames: ["state"],
    registers,
    collect() {
      for (const [state, count] of Object.entries(sites())) this.set({ state }, count);
    },
  });
  return {
    registry,
    accepted(size, ms) {
      accepted.inc();
      octets.inc(size);
      acceptTime.observe(ms / 1_000);
    },
    outcome: (outcome) => outcomes.inc({ outcome: outcome.kind, class: bounceOf(outcome) ?? "delivered" }),
    complaint: (result) => complaints.inc({ result }),
    commit(entries, ms) {
      batch.observe(entries);
      commit.observe(ms / 1_000);
    },
    clockAhead: (ms) => clock.set(ms / 1_000),
    nextHop: (tls = "none") => nextHops.inc({ tls }),
    report: (kind, state) => reports.inc({ kind, state }),
    partitions: (pool, change, count) => partitions.inc({ pool, change }, count),
    ...serverMetrics(registry, prom),
    filtered: (kind, result, ms) => filtered.observe({ kind, result }, ms / 1_000),
    refused: (rule) => refusals.inc({ rule }),
  };
}

type Prom = typeof import("prom-client");

function queueGauges(
  queues: () => readonly [string, QueueFigures][],
  now: () => number,
  { Gauge, registers }: { Gauge: Prom["Gauge"]; registers: Registry[] },
): void {
  const figures = ofThisTurn(queues);
  const gauge = (name: string, help: string, read: (figures: QueueFigures) => number) =>
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
