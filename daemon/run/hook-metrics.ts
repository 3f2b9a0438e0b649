/**
 * Figures of webhooks. No label names a hook: `postfleet webhooks list` and the log do.
 */
import type { Registry } from "prom-client";
import type { HookResult } from "../webhooks/hook.ts";

type Prom = typeof import("prom-client");

export interface HookFigures {
  readonly condition: "well" | "failing" | "gone";
  readonly waiting: number;
  /** When the oldest event happened that is neither taken nor given up, ms since the epoch. */
  readonly oldest: number | undefined;
}

export interface HookMetrics {
  /** A request of a webhook ended, or an event was given up. */
  readonly webhook: (result: HookResult, ms: number) => void;
  /** The webhooks that are looked after here. */
  webhooks(figures: () => Iterable<HookFigures>): void;
}

export function hookMetrics(
  registry: Registry,
  now: () => number,
  { Counter, Gauge, Histogram }: Prom,
): HookMetrics {
  const registers = [registry];
  const requests = new Histogram({
    name: "postfleet_webhook_seconds",
    help: "How long receivers of webhooks took to answer: taken, failed, or gone (410)",
    labelNames: ["result"],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
    registers,
  });
  const given = new Counter({
    name: "postfleet_webhook_dead_total",
    help: "Events that webhooks gave up: put with the dead letters (buried), or the oldest of these taken away for want of room (lost)",
    labelNames: ["result"],
    registers,
  });
  let figures: () => Iterable<HookFigures> = () => [];
  new Gauge({
    name: "postfleet_webhooks",
    help: "Webhooks that this process looks after, by how they fare: well, failing, or gone since their receiver said 410",
    labelNames: ["condition"],
    registers,
    collect() {
      const counts = { well: 0, failing: 0, gone: 0 };
      for (const { condition } of figures()) counts[condition]++;
      for (const [condition, count] of Object.entries(counts)) this.set({ condition }, count);
    },
  });
  new Gauge({
    name: "postfleet_webhook_waiting_events",
    help: "Events that wait for another attempt of a webhook",
    registers,
    collect() {
      let sum = 0;
      for (const { waiting } of figures()) sum += waiting;
      this.set(sum);
    },
  });
  new Gauge({
    name: "postfleet_webhook_oldest_seconds",
    help: "How long ago the oldest event happened that a webhook is still to be told",
    registers,
    collect() {
      let oldest = now();
      for (const each of figures()) oldest = Math.min(oldest, each.oldest ?? oldest);
      this.set(Math.max(0, (now() - oldest) / 1_000));
    },
  });
  return {
    webhook(result, ms) {
      if (result === "buried" || result === "lost") given.inc({ result });
      else requests.observe({ result }, ms / 1_000);
    },
    webhooks(given) {
      figures = given;
    },
  };
}
