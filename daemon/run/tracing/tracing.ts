/**
 * Traces by OpenTelemetry: off unless the environment names a collector.
 *
 * In:     OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT turns it on; headers, time-outs and
 *         certificates are the exporter's own variables. OTEL_SERVICE_NAME (`postfleet`); OTEL_TRACES_SAMPLER_ARG, the
 *         share of messages that is traced, 0 to 1 (1); OTEL_SDK_DISABLED=true.
 * Out:    spans over OTLP/HTTP, in batches, behind the road: nobody waits for a collector, and what it does not take in time
 *         is dropped.
 * Fails:  at the start, on a share that is none.
 */
import { randomBytes } from "node:crypto";
import type { AcceptedEvent, TraceEvent } from "../../queue/events.ts";
import type { Job } from "../../queue/job.ts";
import { type AttemptTimes, acceptSpan, attemptSpans, isSampled, type Span, traceIdOf } from "./spans.ts";

export interface Tracing extends AsyncDisposable {
  /** `ms`: from the message's last octet to its durable 250. */
  accepted(event: AcceptedEvent, ms: number): void;
  attempted(job: Job, times: AttemptTimes, events: readonly TraceEvent[]): void;
}

type Env = Readonly<Record<string, string | undefined>>;

export const isTraced = (env: Env): boolean =>
  Boolean(env["OTEL_EXPORTER_OTLP_ENDPOINT"] || env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]) &&
  env["OTEL_SDK_DISABLED"]?.toLowerCase() !== "true";

/** Throws `TypeError` with name and remedy. */
export function ratioOf(env: Env): number {
  const text = env["OTEL_TRACES_SAMPLER_ARG"] ?? "1";
  const ratio = text.trim() === "" ? Number.NaN : Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new TypeError(`OTEL_TRACES_SAMPLER_ARG is "${text}": write a share from 0 to 1, such as 0.01`);
}

/** Loads the libraries only when it is on. */
export async function openTracing(env: Env, instance: string): Promise<Tracing | undefined> {
  if (!isTraced(env)) return undefined;
  const ratio = ratioOf(env);
  const { openExport } = await import("./export.ts");
  const out = openExport({ service: env["OTEL_SERVICE_NAME"] ?? "postfleet", instance });
  return new Spans(ratio, out);
}

export interface SpanExport extends AsyncDisposable {
  send(span: Span): void;
}

export class Spans implements Tracing {
  readonly #ratio: number;
  readonly #out: SpanExport;

  constructor(ratio: number, out: SpanExport) {
    this.#ratio = ratio;
    this.#out = out;
  }

  accepted(event: AcceptedEvent, ms: number): void {
    if (isSampled(traceIdOf(event.message), this.#ratio)) this.#out.send(acceptSpan(event, ms));
  }

  attempted(job: Job, times: AttemptTimes, events: readonly TraceEvent[]): void {
    if (!isSampled(traceIdOf(job.message), this.#ratio)) return;
    for (const span of attemptSpans(job, times, events, newSpanId)) this.#out.send(span);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#out[Symbol.asyncDispose]();
  }
}

const newSpanId = (): string => randomBytes(8).toString("hex");
