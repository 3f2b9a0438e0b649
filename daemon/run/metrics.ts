/**
 * The daemon's figures, as Prometheus reads them. One place names them all; the parts get small functions to call.
 */
import type { Registry } from "prom-client";
import type { WebHandler } from "../net/web.ts";
import { apiMetrics } from "./api-metrics.ts";
import { type DeliveryMetrics, type DeliveryView, deliveryMetrics } from "./delivery-metrics.ts";
import { type HookMetrics, hookMetrics } from "./hook-metrics.ts";
import { type MailboxMetrics, mailboxMetrics } from "./mailbox-metrics.ts";
import { type ListenersView, type ServerMetrics, serverMetrics } from "./server-metrics.ts";
import { type StoreMetrics, type StoreView, storeMetrics } from "./store-metrics.ts";

/** What is looked at when figures are read. */
export interface MetricsView extends DeliveryView, ListenersView, StoreView {}

export interface Metrics extends MailboxMetrics, ServerMetrics, DeliveryMetrics, HookMetrics, StoreMetrics {
  readonly registry: Registry;
  accepted(octets: number, ms: number): void;
  commit(entries: number, ms: number): void;
  clockAhead(ms: number): void;
  /** A look of a content filter ended. */
  filtered(kind: string, result: string, ms: number): void;
  /** A report to another domain, at its end. */
  report(kind: string, state: string): void;
  /** Tells of each request that it answers. */
  timed(handler: WebHandler): WebHandler;
  /** Names of rules are few. */
  readonly refused: (rule: string) => void;
}

/** Of a process that delivers nothing. */
const nothing: MetricsView = {
  queues: () => [],
  sites: () => ({}),
  groups: async () => [],
  closed: () => undefined,
  levels: () => [],
  listening: () => [],
  ends: () => ({ installation: undefined, domains: undefined }),
};

export async function openMetrics(
  view: MetricsView = nothing,
  now: () => number = Date.now,
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
  const mailbox = mailboxMetrics(registry, prom);
  return {
    registry,
    accepted(size, ms) {
      accepted.inc();
      octets.inc(size);
      acceptTime.observe(ms / 1_000);
    },
    commit(entries, ms) {
      batch.observe(entries);
      commit.observe(ms / 1_000);
    },
    clockAhead: (ms) => clock.set(ms / 1_000),
    report: (kind, state) => reports.inc({ kind, state }),
    ...serverMetrics(registry, view, prom),
    timed: apiMetrics(registry, prom),
    ...deliveryMetrics(registry, prom, view, now),
    ...mailbox,
    ...hookMetrics(registry, now, prom),
    ...storeMetrics(registry, view, prom),
    filtered: (kind, result, ms) => filtered.observe({ kind, result }, ms / 1_000),
    refused: (rule) => refusals.inc({ rule }),
  };
}
