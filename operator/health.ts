/**
 * The operator's health listener: `/livez`, `/readyz` with what is missing, `/metrics`, and `/scaling/NAMESPACE/POLICY` for
 * KEDA: `{"due": 12}`.
 *
 * Opens first and closes last. A replica that does not lead is ready, too: it stands by.
 */
import type { Registry } from "prom-client";
import { exposition } from "../daemon/kit/exposition.ts";
import { type Health, serveHealth } from "../daemon/net/health.ts";

export interface OperatorHealthOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly registry: Registry;
  /** What stands in the way of work; empty when ready. */
  readonly reasons: () => readonly string[];
  /** Due jobs of a RelayPolicy, for KEDA; `undefined`: not known here now. */
  readonly dueJobs?: (namespace: string, policy: string) => number | undefined;
}

export function openHealth({ listen, registry, reasons, dueJobs }: OperatorHealthOptions): Promise<Health> {
  return serveHealth({
    ...listen,
    reasons,
    other(path) {
      const [, namespace = "", policy = ""] = /^\/scaling\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
      if (policy === "" || !dueJobs) return undefined;
      const due = dueJobs(namespace, policy);
      const type = "application/json";
      if (due === undefined) return { status: 503, type, text: '{"error":"not known now"}\n' };
      return { status: 200, type, text: `${JSON.stringify({ due })}\n` };
    },
    metrics: (accept) => exposition(registry, accept),
  });
}
