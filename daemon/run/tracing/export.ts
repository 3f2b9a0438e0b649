/**
 * Spans to a collector, by OpenTelemetry's own exporter and batches.
 *
 * Limits: 2,048 spans wait at the most; what comes beyond is dropped. The end waits 5 s for what is left.
 */
import { SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Span } from "./spans.ts";
import type { SpanExport } from "./tracing.ts";

export interface Instance {
  readonly service: string;
  /** Of this process: where it runs. */
  readonly instance: string;
}

const lastWordsMs = 5_000;

export function openExport({ service, instance }: Instance): SpanExport {
  const resource = resourceFromAttributes({ "service.name": service, "service.instance.id": instance });
  const batches = new BatchSpanProcessor({ exporter: new OTLPTraceExporter() });
  return {
    send: (span) => batches.onEnd(readable(span, resource)),
    async [Symbol.asyncDispose]() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, lastWordsMs);
      });
      await Promise.race([batches.shutdown().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}

const kinds = {
  accept: SpanKind.SERVER,
  queue: SpanKind.INTERNAL,
  attempt: SpanKind.CLIENT,
  file: SpanKind.INTERNAL,
  settle: SpanKind.INTERNAL,
} as const;

function readable(span: Span, resource: Resource): ReadableSpan {
  const context = (spanId: string) => ({ traceId: span.trace, spanId, traceFlags: TraceFlags.SAMPLED });
  return {
    name: span.name,
    kind: kinds[span.name],
    spanContext: () => context(span.id),
    ...(span.parent === undefined ? {} : { parentSpanContext: context(span.parent) }),
    startTime: hrTime(span.began),
    endTime: hrTime(span.ended),
    duration: hrTime(span.ended - span.began),
    status:
      span.failed === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: span.failed },
    attributes: span.attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: "postfleet" },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
