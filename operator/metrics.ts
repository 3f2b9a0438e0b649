/**
 * The operator's figures, as Prometheus reads them. One place names them all; the parts get small functions to call.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Call } from "./kube/calls.ts";
import type { InformerFigures } from "./kube/informer.ts";
import type { Traffic } from "./kube/transport.ts";
import type { QueueFigures, QueueObserver } from "./kube/work-queue.ts";

export interface PolicyGauges {
  readonly namespace: string;
  readonly name: string;
  readonly due: number;
  readonly deferred: number;
  readonly oldestDueSeconds: number;
  readonly sessions: number;
}

export interface OperatorMetrics {
  readonly registry: Registry;
  /** For `WorkQueueOptions.observe`. */
  queue(kind: string, figures: () => QueueFigures): QueueObserver;
  /** Several of a kind, one a namespace, count together. The returned function ends it. */
  informer(kind: string, figures: () => InformerFigures): () => void;
  /** For `InformerOptions.onTrouble`. */
  watchTrouble(kind: string, reason: string): void;
  /** For `KubeOptions.observe`. */
  call(call: Call): void;
  traffic(read: () => Traffic): void;
  leader(leading: () => boolean): void;
  /** What scales relays, for those who scale by Prometheus, an HPA or KEDA. */
  policies(read: () => Iterable<PolicyGauges>): void;
}

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function openOperatorMetrics(): OperatorMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return { registry, ...queueMetrics(registry), ...kubeMetrics(registry), ...policyMetrics(registry) };
}

function queueMetrics(registry: Registry): Pick<OperatorMetrics, "queue" | "leader"> {
  const registers = [registry];
  const reconciles = new Counter({
    name: "postfleet_operator_reconciles_total",
    help: "Reconciliations by kind and result: done, failed (tried again), permanent (waits for a change)",
    labelNames: ["kind", "result"],
    registers,
  });
  const duration = new Histogram({
    name: "postfleet_operator_reconcile_seconds",
    help: "How long a reconciliation takes",
    labelNames: ["kind"],
    buckets: seconds,
    registers,
  });
  const wait = new Histogram({
    name: "postfleet_operator_queue_wait_seconds",
    help: "How long a key waits for its turn",
    labelNames: ["kind", "priority"],
    buckets: seconds,
    registers,
  });
  const queues = new Map<string, () => QueueFigures>();
  const depth = (
    name: string,
    help: string,
    parts: (figures: QueueFigures) => Record<string, number>,
    label: string,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ["kind", label],
      registers,
      collect() {
        for (const [kind, read] of queues)
          for (const [part, value] of Object.entries(parts(read()))) this.set({ kind, [label]: part }, value);
      },
    });
  const depths = ({ high, low }: QueueFigures) => ({ high, low });
  depth("postfleet_operator_queue_depth", "Keys that wait for a worker, by priority", depths, "priority");
  const states = ({ busy, later, failing }: QueueFigures) => ({ busy, later, failing });
  depth(
    "postfleet_operator_keys",
    "Keys that are being worked on, that wait for a time, that fail",
    states,
    "state",
  );
  return {
    queue(kind, figures) {
      queues.set(kind, figures);
      return {
        waited: (priority, ms) => wait.observe({ kind, priority }, ms / 1_000),
        ended(result, ms) {
          reconciles.inc({ kind, result });
          duration.observe({ kind }, ms / 1_000);
        },
      };
    },
    leader(leading) {
      new Gauge({
        name: "postfleet_operator_leader",
        help: "1 while this replica acts",
        registers,
        collect() {
          this.set(leading() ? 1 : 0);
        },
      });
    },
  };
}

function kubeMetrics(
  registry: Registry,
): Pick<OperatorMetrics, "informer" | "watchTrouble" | "call" | "traffic"> {
  const registers = [registry];
  const calls = new Histogram({
    name: "postfleet_operator_kube_request_seconds",
    help: "Calls to the API server by verb, kind and HTTP status (none: no answer)",
    labelNames: ["verb", "kind", "code"],
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10, 30],
    registers,
  });
  const trouble = new Counter({
    name: "postfleet_operator_watch_failures_total",
    help: "Watches that had to be begun again, by reason",
    labelNames: ["kind", "reason"],
    registers,
  });
  const informers = new Map<() => InformerFigures, string>();
  const sum = (a: number, b: number) => a + b;
  const gauge = (
    name: string,
    help: string,
    read: (figures: InformerFigures) => number,
    together: (a: number, b: number) => number = sum,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ["kind"],
      registers,
      collect() {
        const kinds = new Map<string, number>();
        for (const [figures, kind] of informers)
          kinds.set(kind, together(kinds.get(kind) ?? 0, read(figures())));
        this.reset();
        for (const [kind, value] of kinds) this.set({ kind }, value);
      },
    });
  gauge("postfleet_operator_cached_objects", "Objects that are kept in memory", ({ objects }) => objects);
  gauge("postfleet_operator_watches", "Watches that are kept", () => 1);
  gauge("postfleet_operator_watches_synced", "Watches whose first list was complete", (f) =>
    Number(f.synced),
  );
  const failing = "Failures in a row of the worst watch; 0 when all work";
  gauge("postfleet_operator_watch_failing", failing, ({ failures }) => failures, Math.max);
  return {
    informer(kind, figures) {
      informers.set(figures, kind);
      return () => void informers.delete(figures);
    },
    watchTrouble: (kind, reason) => trouble.inc({ kind, reason }),
    call: ({ verb, kind, code, ms }) => calls.observe({ verb, kind, code }, ms / 1_000),
    traffic(read) {
      new Counter({
        name: "postfleet_operator_kube_connections_total",
        help: "Connections opened to the API server, each with a TLS handshake",
        registers,
        collect() {
          this.reset();
          this.inc(read().connections);
        },
      });
    },
  };
}

function policyMetrics(registry: Registry): Pick<OperatorMetrics, "policies"> {
  return {
    policies(read) {
      const gauge = (name: string, help: string, value: (policy: PolicyGauges) => number) =>
        new Gauge({
          name,
          help,
          labelNames: ["policy_namespace", "policy"],
          registers: [registry],
          collect() {
            // Policies go; their figures must not stay.
            this.reset();
            for (const each of read())
              this.set({ policy_namespace: each.namespace, policy: each.name }, value(each));
          },
        });
      gauge("postfleet_policy_due_jobs", "Jobs of a RelayPolicy that are due", ({ due }) => due);
      gauge(
        "postfleet_policy_deferred_jobs",
        "Jobs that wait for their next attempt",
        ({ deferred }) => deferred,
      );
      gauge(
        "postfleet_policy_oldest_due_seconds",
        "How long the oldest due job waits",
        (p) => p.oldestDueSeconds,
      );
      gauge("postfleet_policy_open_sessions", "Sessions with next hops", ({ sessions }) => sessions);
    },
  };
}
