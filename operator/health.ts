/**
 * The operator's health listener: `/livez`, `/readyz` with what is missing, `/metrics`.
 *
 * Opens first and closes last. A replica that does not lead is ready, too: it stands by.
 */
import type { Registry } from "prom-client";
import { type Health, serveHealth } from "../daemon/net/health.ts";

export interface OperatorHealthOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly registry: Registry;
  /** What stands in the way of work; empty when ready. */
  readonly reasons: () => readonly string[];
}

export function openHealth({ listen, registry, reasons }: OperatorHealthOptions): Promise<Health> {
  return serveHealth({
    ...listen,
    reasons,
    metrics: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  });
}
