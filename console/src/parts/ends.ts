/**
 * What became of a message's recipients whose jobs are gone, from its events.
 *
 * In:     events, the oldest first; the jobs that are still queued.
 * Out:    each recipient once, in the order of acceptance, with its last end. Pure.
 */
import type { TraceShape } from "../../../daemon/api/routes/messages.ts";

export interface End {
  readonly recipient: string;
  readonly kind: "delivered" | "failed" | "expired" | "removed";
  readonly where: string;
  readonly reply: string;
}

type Event = TraceShape["events"][number]["event"];
type Attempt = Extract<Event, { readonly kind: "delivered" | "failed" | "expired" }>;

const isEnd = (event: Event): event is Attempt =>
  event.kind === "delivered" || event.kind === "failed" || event.kind === "expired";

export function endsOf(events: TraceShape["events"], jobs: TraceShape["jobs"]): readonly End[] {
  const queued = new Set(jobs.flatMap(({ recipients }) => recipients));
  const purged = events.some(({ kind }) => kind === "purged");
  const ends = new Map<string, End>();
  for (const { event } of events) {
    if (event.kind === "accepted" && purged)
      for (const recipient of event.recipients)
        ends.set(recipient, { recipient, kind: "removed", where: "nobody was told", reply: "–" });
    if (!isEnd(event)) continue;
    for (const recipient of event.recipients) ends.set(recipient, endOf(recipient, event));
  }
  return [...ends.values()].filter(({ recipient }) => !queued.has(recipient));
}

function endOf(recipient: string, event: Attempt): End {
  const { code, enhanced, text } = event.reply;
  return { recipient, kind: event.kind, where: whereOf(event), reply: `${code} ${enhanced} ${text}` };
}

function whereOf(event: Attempt): string {
  if (event.kind !== "delivered") return "returned to its sender";
  const { remote, how } = event;
  if (remote === undefined) return how === "final" ? "in its mailbox here" : "sent on";
  const address = remote.address === undefined ? "" : ` [${remote.address}]`;
  return `taken by ${remote.name}${address}`;
}
