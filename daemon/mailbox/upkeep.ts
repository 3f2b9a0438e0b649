/**
 * What an operator may ask about a mailbox beyond reading it: is it consistent, and can it be mended?
 */
import type { MailboxName } from "./store.ts";

export interface Finding {
  /** A folder, a message, a body. */
  readonly where: string;
  /** A sentence without its end. */
  readonly problem: string;
  readonly mendable: boolean;
}

export interface MailboxUpkeep {
  /** What does not agree; empty when all is well. Throws `StoreUnavailable`. */
  verify(mailbox: MailboxName, signal: AbortSignal): Promise<readonly Finding[]>;
  /**
   * Mends what can be mended: figures are counted anew, messages without folder come into one named `Recovered`, marks
   * and digests are made anew. Octets that are lost stay lost. Returns what it mended; nobody may write meanwhile, and
   * who does makes it fail without harm.
   */
  repair(mailbox: MailboxName, signal: AbortSignal): Promise<readonly Finding[]>;
  /**
   * After it was brought back from a copy: nothing that mail programs have seen since the copy is given out again
   * (`restored.ts`). Harmless where it was not so. False: there is no such mailbox.
   */
  restored(mailbox: MailboxName, signal: AbortSignal): Promise<boolean>;
}
