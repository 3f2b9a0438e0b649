/**
 * Scripts for next hops: what a test may decide, and what it finds written down.
 *
 * `reply` is asked at each step and may answer instead of the server: reply lines, `cut` (close without an answer),
 * `hang` (never answer again), or reply lines with one of these behind them.
 */
import type { Certificate } from "./certificates.ts";

export type Stage =
  | "connect"
  | "ehlo"
  | "helo"
  | "starttls"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "body"
  | "dot"
  | "rset"
  | "quit"
  | "bdat";

/** What is going on when `reply` is asked. Counters start at 1. */
export interface Moment {
  readonly stage: Stage;
  /** The command line; for `dot` in LMTP the recipient that the reply is for. */
  readonly line: string;
  readonly connection: number;
  /** Transactions begun on all connections, this one included. */
  readonly transaction: number;
  /** How often this stage has been reached on all connections. */
  readonly times: number;
}

export type Answer = string | { readonly say?: string; readonly after: "cut" | "hang" };

export interface Script {
  readonly lmtp?: boolean;
  /** EHLO keywords instead of the usual ones; `false`: EHLO is unknown. */
  readonly extensions?: readonly string[] | false;
  readonly reply?: (moment: Moment) => Answer | undefined | Promise<Answer | undefined>;
  /**
   * `ok`: STARTTLS works. `broken`: 220, then garbage instead of a handshake. `injecting`: plain text behind the 220.
   * `implicit`: TLS from the first octet.
   */
  readonly tls?: {
    readonly how: "ok" | "broken" | "injecting" | "implicit";
    readonly certificate: Certificate;
  };
}

export interface ReceivedMessage {
  readonly connection: number;
  readonly encrypted: boolean;
  /** `MAIL FROM:` line as it came, and the accepted `RCPT TO:` lines. */
  readonly mail: string;
  readonly rcpts: readonly string[];
  /** Exact octets, dots taken off, the final CRLF kept. */
  readonly octets: Buffer;
  readonly how: "DATA" | "BDAT";
}

export const usualExtensions = [
  "PIPELINING",
  "8BITMIME",
  "SMTPUTF8",
  "DSN",
  "ENHANCEDSTATUSCODES",
  "SIZE 50000000",
] as const;

/** What a session tells the next hop that it belongs to. */
export interface Ledger {
  readonly script: Script;
  readonly messages: ReceivedMessage[];
  /** All command lines, in order of arrival. */
  readonly commands: string[];
  /** Command text as each `data` event delivered it: shows what travelled together. */
  readonly bursts: string[];
  transactions: number;
  /** Counts a stage and asks the script. */
  ask(moment: Omit<Moment, "times">): Promise<Answer | undefined>;
  /** Something was recorded. */
  changed(): void;
  /** The session is over. */
  left(connection: number): void;
}

// Frequent scripts.

/** Always this reply at this stage. */
export const always = (stage: Stage, answer: Answer): Script => ({
  reply: (moment) => (moment.stage === stage ? answer : undefined),
});

/** This reply the first `times` times that the stage is reached. */
export const atFirst = (times: number, stage: Stage, answer: Answer): Script => ({
  reply: (moment) => (moment.stage === stage && moment.times <= times ? answer : undefined),
});

/** Replies to RCPT by address. */
export const perRecipient = (answers: Readonly<Record<string, Answer>>): Script => ({
  reply: ({ stage, line }) => {
    const address = /<(.*)>/.exec(line)?.[1];
    return stage === "rcpt" && address !== undefined ? answers[address] : undefined;
  },
});

export const cut: Answer = { after: "cut" };
export const hang: Answer = { after: "hang" };
