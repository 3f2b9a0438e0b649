/**
 * The books of a test: what clients were told, what arrived where and when, and when something was broken.
 *
 * Times are `performance.now()` of this one process, so that all of them can be compared.
 */
export type Fate =
  /** The next hop takes it. */
  | "sink"
  /** It is filed in a mailbox. */
  | "mailbox"
  /** The next hop refuses it for good: its sender gets a report. */
  | "bounce";

export interface Expected {
  /** Of a mailbox: the mailbox; elsewhere: used by no other message. */
  readonly address: string;
  readonly fate: Fate;
}

/** What the client knows in the end. */
export type Told =
  | { readonly kind: "accepted" }
  /** `complete`: after the final dot. Such a message may be delivered all the same (RFC 1047), but whole. */
  | { readonly kind: "refused"; readonly reply: string; readonly complete: boolean }
  /** The connection died after the final dot was handed to the kernel. */
  | { readonly kind: "unknown" }
  /** It died before: nothing may be delivered. */
  | { readonly kind: "unsent" };

export interface Sent {
  readonly id: string;
  readonly expected: readonly Expected[];
  readonly begun: number;
  told?: Told;
  /** When the client knew. */
  at?: number;
}

/** A message at the next hop. */
export interface Copy {
  readonly id: string;
  readonly address: string;
  readonly at: number;
  /** The address that brought it. */
  readonly from?: string;
}

export interface Outage {
  readonly victim: string;
  readonly at: number;
  /** When it served again. */
  up: number;
}

export class Ledger {
  readonly sent = new Map<string, Sent>();
  readonly copies: Copy[] = [];
  readonly outages: Outage[] = [];
  /** Ids of messages that arrived with a part missing or changed. */
  readonly damaged: string[] = [];
  /** The longest that a client waited for an answer, ms. */
  longestWait = 0;

  begin(id: string, expected: readonly Expected[]): Sent {
    const sent: Sent = { id, expected, begun: performance.now() };
    this.sent.set(id, sent);
    return sent;
  }

  waited(ms: number): void {
    if (ms > this.longestWait) this.longestWait = ms;
  }

  broke(victim: string): Outage {
    const outage: Outage = { victim, at: performance.now(), up: Number.POSITIVE_INFINITY };
    this.outages.push(outage);
    return outage;
  }

  count(kind: Told["kind"]): number {
    let count = 0;
    for (const { told } of this.sent.values()) if (told?.kind === kind) count++;
    return count;
  }
}
