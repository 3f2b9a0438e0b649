/**
 * A session as its commands see it.
 *
 * States and their legal moves (RFC 9051 §3):
 *   stranger → user                 by LOGIN, AUTHENTICATE
 *   user → selected                 by SELECT, EXAMINE
 *   selected → user                 by CLOSE, UNSELECT, or a SELECT that fails
 *   any → over                      by LOGOUT, BYE
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Output } from "../kit/output.ts";
import type { Answer } from "./answer.ts";
import type { Request } from "./command/reader.ts";
import type { Selected } from "./folder/selected.ts";
import type { Account, Client, ImapHost } from "./host.ts";
import type { ImapLimits } from "./limits.ts";
import type { Input } from "./wire/input.ts";

export type State =
  | { readonly at: "stranger" }
  | { readonly at: "user"; readonly account: Account }
  | { readonly at: "selected"; readonly account: Account; readonly folder: Selected }
  | { readonly at: "over" };

/** What ENABLE, or a command that implies it, has switched on. RFC 5161 */
export interface Enabled {
  rev2: boolean;
  utf8: boolean;
  condstore: boolean;
  qresync: boolean;
}

export interface Talk {
  readonly host: ImapHost;
  readonly client: Client;
  readonly limits: ImapLimits;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the connection is gone or the daemon insists. */
  readonly signal: AbortSignal;
  readonly input: Input;
  readonly out: Output;
  readonly enabled: Enabled;
  state: State;
  /** A password may be told: the line is encrypted, or the client is on this machine and the listener trusts that. */
  readonly mayLogin: boolean;
  readonly encrypted: boolean;
  readonly canStartTls: boolean;
  readonly compressed: boolean;
  failedLogins: number;
  /** What happens right after the tagged answer has left. */
  after: "tls" | "compression" | undefined;
  /** Says what changed in the selected folder. */
  announce(expunges: boolean): void;
  /** While true, changes are told as they come. */
  idling: boolean;
  /** The client may go on with its literal. */
  ask(): void;
  /** Forgets a literal that is not wanted, and the rest of its command. */
  swallow(literal: NonNullable<Request["literal"]>): Promise<void>;
  /** The session ends when the signal is aborted: between two commands, with BYE. */
  leaveWhen(lost: AbortSignal): void;
  /** Leaves the selected folder, if one is. */
  leaveFolder(): void;
  /** Called by the selected folder when there is something to tell. */
  readonly onChange: () => void;
  /** Says BYE; the connection ends after the command. */
  logout(text: string): void;
}

/** When a command may run, and what may be told at its end. */
export interface Command {
  readonly when: "any" | "stranger" | "user" | "selected";
  /** A client that counts messages must not hear EXPUNGE while it does. RFC 9051 §7.5.1 */
  readonly quiet?: boolean;
  run(talk: Talk, request: Request): Promise<Answer> | Answer;
}

export type Commands = Readonly<Record<string, Command>>;

/** The account; only for commands that run when there is one. */
export function accountOf(talk: Talk): Account {
  const { state } = talk;
  if (state.at === "user" || state.at === "selected") return state.account;
  throw new Error(`no account when ${state.at}`);
}

export function folderOf(talk: Talk): Selected {
  const { state } = talk;
  if (state.at === "selected") return state.folder;
  throw new Error(`no folder when ${state.at}`);
}

/** Mailbox names and strings may be UTF-8. RFC 6855 §3, RFC 9051 §5.1 */
export const speaksUtf8 = ({ enabled }: Talk): boolean => enabled.utf8 || enabled.rev2;

export function isAllowed({ when }: Command, { at }: State): boolean {
  switch (when) {
    case "any":
      return at !== "over";
    case "stranger":
      return at === "stranger";
    case "user":
      return at === "user" || at === "selected";
    case "selected":
      return at === "selected";
  }
}
