/**
 * Trace events: what happened to one message, from the client's 250 to the mailbox, the next hop or the bounce.
 *
 * Plain JSON, compact, written once and read rarely. Addresses and replies are as received, so whoever shows an event
 * to a person uses `formatEvent`.
 */
import type { Address, ReversePath } from "../mail/address.ts";
import type { BounceClass } from "../mail/bounce/classes.ts";
import type { Remote } from "../mail/outcome.ts";
import type { Reply } from "../mail/reply.ts";
import { oneLine } from "../mail/text.ts";
import type { MessageId } from "./job.ts";

/** What every event tells. */
export interface EventBase {
  /** ms since the epoch */
  readonly at: number;
  readonly message: MessageId;
  /** The job, when the event is about one job of the message. */
  readonly group?: number;
}

/** How an attempt ended for some of a job's recipients. */
interface AttemptEnd {
  readonly recipients: readonly Address[];
  readonly reply: Reply;
  readonly remote?: Remote;
  /** What a deferral or failure is about; absent in events from before there were classes. */
  readonly bounce?: BounceClass;
  /** Duration of the attempt. */
  readonly ms?: number;
}

/** The refusal came back as a message, after the next hop had taken ours. */
interface Brought {
  readonly late?: true;
  readonly report?: MessageId;
}

export type EventDetail =
  | {
      readonly kind: "accepted";
      readonly sender: ReversePath;
      readonly recipients: readonly Address[];
      readonly size: number;
      readonly client: string;
      readonly protocol: string;
      readonly helo?: string;
      readonly user?: string;
      /** What was found of a stranger's message: `spf=pass dkim=none dmarc=pass`. */
      readonly results?: string;
      /** Some of it goes into Junk. */
      readonly junk?: true;
    }
  | ({ readonly kind: "delivered"; readonly how: "final" | "relayed" | "passedOn" | "expanded" } & AttemptEnd)
  | ({ readonly kind: "deferred"; readonly nextAttempt: number } & AttemptEnd)
  | ({ readonly kind: "failed" } & AttemptEnd & Brought)
  /** Deferred once too often: the message's lifetime is over. */
  | ({ readonly kind: "expired" } & AttemptEnd)
  /** A recipient reported the message as unwanted; `feedback` is what the report calls it (RFC 5965 §7.3). */
  | {
      readonly kind: "complained";
      readonly recipients: readonly Address[];
      readonly feedback: string;
      readonly report: MessageId;
    }
  /** A report to the sender was queued, as a message of its own. */
  | {
      readonly kind: "dsn";
      readonly report: "failure" | "delay" | "success";
      readonly id: MessageId;
      readonly to: Address;
    }
  /** Nobody is told: a report could not be delivered, or could not be addressed. */
  | { readonly kind: "dropped"; readonly reason: string }
  /** Operators' doings. */
  | { readonly kind: "held" | "released" | "retried" | "purged" | "unrouted" }
  | { readonly kind: "bounced"; readonly reason: string }
  | { readonly kind: "rerouted"; readonly host: string; readonly port: number };

export type TraceEvent = EventBase & EventDetail;
const endings: ReadonlySet<TraceEvent["kind"]> = new Set(["delivered", "deferred", "failed", "expired"]);

/** Whether it tells how an attempt ended for its recipients. */
export const isEnding = (kind: TraceEvent["kind"]): boolean => endings.has(kind);

export type AcceptedEvent = Extract<TraceEvent, { kind: "accepted" }>;

const textShown = 1_000;
const recipientsShown = 5;

/** `2026-11-23T08:02:07.123Z deferred <bob@example.net> by mx.example.net [192.0.2.5]: 451 4.7.1 Later; …` in one line. */
export function formatEvent(event: TraceEvent): string {
  const group = event.group === undefined ? "" : ` job ${event.group}`;
  const detail = oneLine(detailOf(event), 2 * textShown);
  return `${new Date(event.at).toISOString()} ${event.kind}${group} ${detail}`;
}

function detailOf(event: TraceEvent): string {
  switch (event.kind) {
    case "accepted":
      return acceptedWords(event);
    case "delivered":
      return `${attemptWords(event)}${event.how === "final" ? "" : ` (${event.how})`}`;
    case "deferred":
      return `${attemptWords(event)}; next attempt ${new Date(event.nextAttempt).toISOString()}`;
    case "failed":
      return `${attemptWords(event)}${event.late ? ` (told by ${event.report})` : ""}`;
    case "expired":
      return attemptWords(event);
    case "complained":
      return `${paths(event.recipients)}: ${event.feedback} (told by ${event.report})`;
    case "dsn":
      return `${event.report} report ${event.id} to <${event.to}>`;
    case "dropped":
      return event.reason;
    case "bounced":
      return event.reason === "" ? "by an operator" : `by an operator: ${event.reason}`;
    case "rerouted":
      return `to ${event.host}:${event.port}`;
    default:
      return "by an operator";
  }
}

function acceptedWords(event: Extract<TraceEvent, { kind: "accepted" }>): string {
  const helo = event.helo === undefined ? "" : ` (${event.helo})`;
  const user = event.user === undefined ? "" : ` as ${event.user}`;
  const junk = event.junk ? ", into Junk" : "";
  const found = event.results === undefined ? "" : `: ${event.results}${junk}`;
  return `<${event.sender}> to ${paths(event.recipients)}, ${event.size} octets, ${event.protocol} from ${event.client}${helo}${user}${found}`;
}

function attemptWords({ recipients, reply, remote, bounce, ms }: AttemptEnd): string {
  const address = remote?.address === undefined ? "" : ` [${remote.address}]`;
  const by = remote === undefined ? "" : ` by ${remote.name}${address}`;
  const took = ms === undefined ? "" : ` in ${Math.round(ms)} ms`;
  const about = bounce === undefined ? "" : ` [${bounce}]`;
  return `${paths(recipients)}${by}${took}:${about} ${reply.code} ${reply.enhanced} ${reply.text.slice(0, textShown)}`;
}

function paths(addresses: readonly Address[]): string {
  const shown = addresses.slice(0, recipientsShown).map((address) => `<${address}>`);
  const more = addresses.length - shown.length;
  return more > 0 ? `${shown.join(" ")} and ${more} more` : shown.join(" ");
}
