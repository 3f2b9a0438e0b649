/**
 * Spans of a message's road: accept → queue → attempt or file → settle, in whichever pods they happen. Pure.
 *
 * A trace needs no context in the job: its id *is* the message's, whose 26 digits hold exactly 128 bits. So every pod that
 * has the message's id knows the trace, and who reads a trace finds the message by `postfleet trace`. The span of the
 * acceptance has an id that follows from the message's, too, so that others can name it as their parent.
 *
 * Limits: no addresses of people: domains, classes, replies' codes and hosts only.
 */
import type { AcceptedEvent, TraceEvent } from "../../queue/events.ts";
import type { Job, MessageId } from "../../queue/job.ts";

export interface Span {
  /** 32 hexadecimal digits. */
  readonly trace: string;
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly parent?: string;
  readonly name: "accept" | "queue" | "attempt" | "file" | "settle";
  /** ms since the epoch */
  readonly began: number;
  readonly ended: number;
  /** Why it failed. */
  readonly failed?: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** When an attempt began and ended, and its outcome was durable; ms since the epoch. */
export interface AttemptTimes {
  readonly began: number;
  readonly ended: number;
  readonly settled: number;
}

const digits = "0123456789abcdefghjkmnpqrstvwxyz";

export function traceIdOf(message: MessageId): string {
  let bits = 0n;
  for (const digit of message) bits = (bits << 5n) | BigInt(digits.indexOf(digit));
  return bits.toString(16).padStart(32, "0");
}

/** Of the span that the others of a message hang on. Chance alone does not make 64 zeros. */
export const rootSpanOf = (trace: string): string => trace.slice(16);

/** The same messages in every pod. */
export const isSampled = (trace: string, ratio: number): boolean =>
  Number.parseInt(trace.slice(-8), 16) < ratio * 2 ** 32;

const domainOf = (address: string): string => address.slice(address.lastIndexOf("@") + 1);
const domainsOf = (addresses: readonly string[]): string => [...new Set(addresses.map(domainOf))].join(" ");

/** `ms`: from the message's last octet to its durable 250. */
export function acceptSpan(event: AcceptedEvent, ms: number): Span {
  const trace = traceIdOf(event.message);
  return {
    trace,
    id: rootSpanOf(trace),
    name: "accept",
    began: event.at - ms,
    ended: event.at,
    attributes: {
      "postfleet.message": event.message,
      "postfleet.recipients": event.recipients.length,
      "postfleet.domains": domainsOf(event.recipients),
      "postfleet.octets": event.size,
      "postfleet.protocol": event.protocol,
      "postfleet.authenticated": event.user !== undefined,
    },
  };
}

/** What a job waited for, what was tried, and how long it took to write that down. */
export function attemptSpans(
  job: Job,
  times: AttemptTimes,
  events: readonly TraceEvent[],
  newId: () => string,
): readonly Span[] {
  const trace = traceIdOf(job.message);
  const parent = rootSpanOf(trace);
  const attributes = {
    "postfleet.message": job.message,
    "postfleet.policy": job.policy,
    "postfleet.destination": job.destination,
    "postfleet.attempt": job.attempts + 1,
  };
  const since = job.attempts === 0 ? job.queuedAt : (job.history.at(-1)?.at ?? job.queuedAt);
  const span = (name: Span["name"], began: number, ended: number): Span => ({
    trace,
    id: newId(),
    parent,
    name,
    began: Math.min(began, ended),
    ended,
    attributes,
  });
  const attempt = span(job.class === "local" ? "file" : "attempt", times.began, times.ended);
  return [
    span("queue", since, times.began),
    { ...attempt, ...endingOf(events), attributes: { ...attributes, ...outcomeOf(events) } },
    span("settle", times.ended, times.settled),
  ];
}

const ends = (event: TraceEvent) =>
  event.kind === "delivered" ||
  event.kind === "deferred" ||
  event.kind === "failed" ||
  event.kind === "expired"
    ? event
    : undefined;

/** Of several endings the worst. */
const worst = ["failed", "expired", "deferred", "delivered"] as const;

function worstOf(events: readonly TraceEvent[]) {
  const endings = events.map(ends).filter((event) => event !== undefined);
  return endings.toSorted((a, b) => worst.indexOf(a.kind) - worst.indexOf(b.kind))[0];
}

function endingOf(events: readonly TraceEvent[]): Pick<Span, "failed"> {
  const event = worstOf(events);
  if (event === undefined || event.kind === "delivered") return {};
  const { code, enhanced } = event.reply;
  return { failed: `${event.kind}: ${code} ${enhanced}` };
}

function outcomeOf(events: readonly TraceEvent[]): Span["attributes"] {
  const event = worstOf(events);
  if (event === undefined) return {};
  return {
    "postfleet.outcome": event.kind,
    "postfleet.reply": event.reply.code,
    ...(event.bounce === undefined ? {} : { "postfleet.class": event.bounce }),
    ...(event.remote === undefined ? {} : { "server.address": event.remote.name }),
  };
}
