/**
 * Message events: what the world outside may build on (stream `EVENTS`, webhooks). One event tells one thing that happened
 * to one recipient of a message.
 *
 * In:     a trace event and the job that it is about.
 * Out:    events of version 1, described by `event-schema.ts` and docs/events.md; `traceOf` reads them back.
 * Id:     follows from what the event says happened: whoever tells the same thing again (after a kill, after a lost answer)
 *         tells it under the same id.
 * Change: fields may be added; none is ever renamed, taken away or given another meaning within a version.
 */
import { hash } from "node:crypto";
import { type Address, type Domain, domainOf, type ReversePath } from "../mail/address.ts";
import type { BounceClass } from "../mail/bounce/classes.ts";
import type { Remote } from "../mail/outcome.ts";
import type { Reply } from "../mail/reply.ts";
import { isEnding, type TraceEvent } from "./events.ts";
import type { Job, MessageId, PolicyName } from "./job.ts";

export const eventKinds = [
  "accepted",
  "delivered",
  "deferred",
  "bounced",
  "expired",
  "complained",
  "reported",
  "dropped",
  "held",
  "released",
  "retried",
  "returned",
  "rerouted",
  "unrouted",
  "purged",
] as const;
export type EventKind = (typeof eventKinds)[number];

export interface EventData {
  readonly message: MessageId;
  readonly job?: number;
  readonly namespace: string;
  readonly policy: string;
  readonly domain?: string;
  readonly direction: "outbound" | "local";
  readonly sender?: string;
  readonly recipient?: string;
  readonly queuedAt?: string;
  readonly attempt?: number;
  // Of an acceptance.
  readonly size?: number;
  readonly client?: string;
  readonly protocol?: string;
  readonly helo?: string;
  readonly user?: string;
  readonly results?: string;
  readonly junk?: true;
  // Of an attempt's end.
  readonly how?: "final" | "relayed" | "passedOn" | "expanded";
  readonly reply?: Reply;
  readonly remote?: Remote;
  readonly class?: BounceClass;
  readonly durationMs?: number;
  readonly nextAttempt?: string;
  /** The refusal came back as a message, after the next hop had taken the mail. */
  readonly late?: true;
  /** Of a complaint: what the report calls it. */
  readonly feedback?: string;
  /** The message that brought a complaint or a late bounce, or that tells the sender. */
  readonly report?: MessageId;
  readonly reportKind?: "failure" | "delay" | "success";
  readonly to?: string;
  readonly reason?: string;
  readonly host?: string;
  readonly port?: number;
}

export interface MessageEvent {
  readonly version: 1;
  readonly id: string;
  readonly type: `message.${EventKind}`;
  readonly timestamp: string;
  readonly data: EventData;
}

/** What an event is about, as it was when it happened. */
export interface Concerned {
  readonly policy: PolicyName;
  readonly domain?: Domain;
  readonly direction: EventData["direction"];
  readonly sender?: ReversePath;
  readonly queuedAt?: number;
  /** Attempts before this one. */
  readonly attempts?: number;
}

export function concerning(job: Pick<Job, ConcernedField>): Concerned {
  const { policy, sender, queuedAt, attempts } = job;
  const domain = ourSide(job);
  return {
    policy,
    ...(domain === undefined ? {} : { domain }),
    direction: job.class === "relay" ? "outbound" : "local",
    sender: sender.path,
    queuedAt,
    attempts,
  };
}

type ConcernedField = "class" | "policy" | "destination" | "sender" | "queuedAt" | "attempts";

/** The domain of the mailbox, or that of the sender. */
function ourSide({ class: is, destination, sender }: Pick<Job, ConcernedField>): Domain | undefined {
  if (is === "local") return destination;
  return sender.path === "" ? undefined : domainOf(sender.path as Address);
}

/** Kinds that are called otherwise where operators read them. */
const publicKind: Partial<Record<TraceEvent["kind"], EventKind>> = {
  failed: "bounced",
  bounced: "returned",
  dsn: "reported",
};
const traceKind: Partial<Record<EventKind, TraceEvent["kind"]>> = {
  bounced: "failed",
  returned: "bounced",
  reported: "dsn",
};

export const kindOf = ({ type }: Pick<MessageEvent, "type">): EventKind =>
  type.slice("message.".length) as EventKind;

/** One event for each recipient that the trace event names, or one for the job. */
export function messageEvents(event: TraceEvent, about: Concerned): readonly MessageEvent[] {
  const { at, kind, message, group, ...detail } = event;
  const is = publicKind[kind] ?? (kind as EventKind);
  const base = { ...contextOf(event, about), ...detailOf(detail as Detail) };
  const recipients = "recipients" in event ? event.recipients : [undefined];
  const timestamp = isoTime(at);
  return recipients.map((recipient) => {
    const data = recipient === undefined ? base : { ...base, recipient };
    return { version: 1, id: idOf(is, data, at), type: `message.${is}`, timestamp, data };
  });
}

function contextOf({ kind, message, group }: TraceEvent, about: Concerned): EventData {
  const { policy, domain, direction, sender, queuedAt, attempts } = about;
  const slash = policy.indexOf("/");
  return {
    message,
    ...(group === undefined ? {} : { job: group }),
    namespace: policy.slice(0, slash),
    policy: policy.slice(slash + 1),
    ...(domain === undefined ? {} : { domain }),
    direction,
    ...(sender === undefined ? {} : { sender }),
    ...(queuedAt === undefined ? {} : { queuedAt: isoTime(queuedAt) }),
    ...(attempts !== undefined && isEnding(kind) ? { attempt: attempts + 1 } : {}),
  };
}

type Detail = Partial<Record<string, unknown>>;

/** Names and forms in which the world reads what the trace holds. */
function detailOf({ recipients: _, sender: __, ...detail }: Detail): object {
  const { bounce, ms, nextAttempt, id, report, ...same } = detail;
  return {
    ...same,
    ...(bounce === undefined ? {} : { class: bounce }),
    ...(ms === undefined ? {} : { durationMs: Math.round(ms as number) }),
    ...(nextAttempt === undefined ? {} : { nextAttempt: isoTime(nextAttempt as number) }),
    ...(id === undefined ? (report === undefined ? {} : { report }) : { report: id, reportKind: report }),
  };
}

/** What operators did may be done twice; everything else happens once for an attempt of a recipient. */
function idOf(kind: EventKind, data: EventData, at: number): string {
  const { message, job, attempt, recipient, report, late } = data;
  const once = attempt ?? report ?? (kind === "accepted" || kind === "dropped" ? 0 : at);
  const what = JSON.stringify([kind, message, job, recipient, once, late]);
  return `evt_${hash("sha256", what, "base64url").slice(0, 22)}`;
}

let lastAt = Number.NaN;
let lastText = "";

/** Many events happen within a millisecond. A time that nobody can write is written as the epoch. */
function isoTime(at: number): string {
  if (at === lastAt) return lastText;
  lastAt = at;
  lastText = new Date(Math.abs(at) <= 8.64e15 ? at : 0).toISOString();
  return lastText;
}

/** As the operators' trace has them: recipients that fared alike are one event. */
export function traceOf(events: readonly MessageEvent[]): readonly TraceEvent[] {
  const groups = new Map<string, { readonly event: TraceEvent; readonly recipients: Address[] }>();
  for (const each of events) {
    const { recipient } = each.data;
    const event = traceEvent(each);
    const likeness = recipient === undefined ? each.id : JSON.stringify(event);
    const group = groups.get(likeness) ?? { event, recipients: [] };
    groups.set(likeness, group);
    if (recipient !== undefined) group.recipients.push(recipient as Address);
  }
  return Array.from(groups.values(), ({ event, recipients }) =>
    recipients.length === 0 ? event : { ...event, recipients },
  );
}

function traceEvent({ type, timestamp, data }: MessageEvent): TraceEvent {
  const kind = kindOf({ type });
  const { message, job, sender, nextAttempt, class: bounce, durationMs, report, reportKind, ...more } = data;
  const { namespace: _, policy: _p, domain: _d, direction: _i, queuedAt: _q, attempt: _a, ...same } = more;
  const { recipient: _r, ...detail } = same;
  return {
    at: Date.parse(timestamp),
    message,
    // All jobs of a message are accepted at once.
    ...(job === undefined || kind === "accepted" ? {} : { group: job }),
    kind: traceKind[kind] ?? kind,
    ...(kind === "accepted" ? { sender } : {}),
    ...detail,
    ...(bounce === undefined ? {} : { bounce }),
    ...(durationMs === undefined ? {} : { ms: durationMs }),
    ...(nextAttempt === undefined ? {} : { nextAttempt: Date.parse(nextAttempt) }),
    ...(report === undefined
      ? {}
      : reportKind === undefined
        ? { report }
        : { report: reportKind, id: report }),
  } as unknown as TraceEvent;
}
