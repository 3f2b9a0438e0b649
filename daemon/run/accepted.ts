/**
 * What is told of a message that was taken in: metrics, a line of the log, its trace, and the events of its recipients.
 *
 * In:     the message with its jobs, which are durable.
 * Out:    resolves when the events are stored, where somebody relies on them; the client hears its 250 then. A store that
 *         has just gone away is not waited for: the message is safe, and the events follow when it is back.
 * Fails:  never.
 */
import type { Accepted } from "../accept/mailroom.ts";
import { filterWords } from "../accept/screening.ts";
import { clientWords, shortResults } from "../auth/origin/results-field.ts";
import { systemClock } from "../kit/clock.ts";
import type { AcceptedEvent } from "../queue/events.ts";
import type { MailLines } from "../queue/mail-lines.ts";
import { concerning } from "../queue/message-event.ts";
import type { NewJob } from "../queue/queue.ts";
import type { Metrics } from "./metrics.ts";
import type { Store } from "./store.ts";
import type { Tracing } from "./tracing/tracing.ts";

export interface TellingContext {
  readonly store: Pick<Store, "events" | "clock">;
  readonly metrics: Pick<Metrics, "accepted">;
  readonly tracing?: Tracing | undefined;
  readonly lines: Pick<MailLines, "tell">;
}

/** The longest that a client waits for the events of its message. */
const PATIENCE_MS = 5_000;

export function tellAccepted(
  accepted: Accepted,
  { store, metrics, tracing, lines }: TellingContext,
): void | Promise<void> {
  const { jobs, octets, ms } = accepted;
  metrics.accepted(octets, ms);
  const at = store.clock.now();
  const [first] = jobs;
  if (first) {
    const event = acceptedEvent(accepted, first, jobs, at);
    lines.tell(event, first);
    tracing?.accepted(event, ms);
  }
  const kept = jobs.flatMap((job) => {
    const event = { ...acceptedEvent(accepted, job, [job], at), group: job.group };
    return store.events.tellSurely(event, concerning(job)) ?? [];
  });
  if (kept.length > 0) return patiently(Promise.all(kept));
}

async function patiently(work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  // Each message would leave a timer behind.
  const late = systemClock.sleep(PATIENCE_MS, done.signal).catch(() => {});
  await Promise.race([work, late]).finally(() => done.abort());
}

function acceptedEvent(
  { message, octets }: Accepted,
  { sender, origin, prepend }: NewJob,
  jobs: readonly NewJob[],
  at: number,
): AcceptedEvent {
  const recipients = jobs.flatMap((job) => job.recipients);
  return {
    kind: "accepted",
    at,
    message,
    sender: sender.path,
    recipients: recipients.map(({ address }) => address),
    size: octets,
    client: origin.client,
    protocol: origin.protocol,
    helo: origin.helo,
    ...(origin.user === undefined ? {} : { user: origin.user }),
    ...(prepend === undefined ? {} : { results: resultsIn(prepend) }),
    ...(recipients.some(({ junk }) => junk) ? { junk: true } : {}),
  };
}

/** Our own fields in few words. */
const resultsIn = (prepend: string): string =>
  [shortResults(prepend), clientWords(prepend), filterWords(prepend)]
    .filter((words) => words !== "")
    .join(" ");
