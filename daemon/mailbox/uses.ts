/**
 * When app passwords were used last: a port, and an implementation in memory.
 *
 * Out:    the last use of each, exact to an hour; it is forgotten after `REMEMBERED_DAYS`.
 * Cost:   at most one write an hour for each app password and process; no login waits for it, or fails with it.
 */
import type { MailboxName } from "./store.ts";

export interface PasswordUse {
  /** Of the app password. */
  readonly name: string;
  /** ms since the epoch */
  readonly at: number;
  /** What was entered by it. */
  readonly scope: string;
}

export interface PasswordUses {
  /** Never throws; a use that cannot be told is told by the next one. */
  used(mailbox: MailboxName, use: PasswordUse): void;
  /** Throws `StoreUnavailable`. */
  uses(mailbox: MailboxName, signal: AbortSignal): Promise<readonly PasswordUse[]>;
  /** The mailbox is at its end. Throws `StoreUnavailable`. */
  forget(mailbox: MailboxName): Promise<void>;
}

export const REMEMBERED_DAYS = 400;

export class MemoryUses implements PasswordUses {
  readonly #uses = new Map<MailboxName, Map<string, PasswordUse>>();

  used(mailbox: MailboxName, use: PasswordUse): void {
    const known = this.#uses.get(mailbox) ?? new Map<string, PasswordUse>();
    this.#uses.set(mailbox, known.set(use.name, use));
  }

  async uses(mailbox: MailboxName): Promise<readonly PasswordUse[]> {
    return [...(this.#uses.get(mailbox)?.values() ?? [])];
  }

  async forget(mailbox: MailboxName): Promise<void> {
    this.#uses.delete(mailbox);
  }
}
