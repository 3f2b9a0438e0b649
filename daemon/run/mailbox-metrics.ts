/**
 * Figures of mailboxes: what changes in them, how long that takes, and what is kept of them in memory.
 */
import type { Registry } from "prom-client";
import type { ObserveMailbox } from "../nats/mailbox/observed.ts";

type Prom = typeof import("prom-client");

export interface MailboxMetrics {
  readonly mailbox: ObserveMailbox;
  /** Octets that are kept more than before. */
  readonly digests: (octets: number) => void;
}

export function mailboxMetrics(registry: Registry, { Counter, Gauge, Histogram }: Prom): MailboxMetrics {
  const registers = [registry];
  const changes = new Counter({
    name: "postfleet_mailbox_operations_total",
    help: "Messages delivered into mailboxes, added, flagged, moved and removed there, and changes of folders, by result: done, duplicate, over-quota, overtaken (done again), failed",
    labelNames: ["operation", "result"],
    registers,
  });
  const digests = new Gauge({
    name: "postfleet_mailbox_digest_octets",
    help: "Octets of message digests (header fields, structure) that this process keeps in memory; at most 24 MiB for each stream of mailboxes",
    registers,
  });
  const changeTime = new Histogram({
    name: "postfleet_mailbox_seconds",
    help: "How long the store took for changes of mailboxes",
    labelNames: ["operation"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  return {
    mailbox(operation, result, messages, ms) {
      changes.inc({ operation, result }, messages);
      changeTime.observe({ operation }, ms / 1_000);
    },
    digests: (octets) => digests.inc(octets),
  };
}
