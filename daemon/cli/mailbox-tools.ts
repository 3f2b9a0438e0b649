/**
 * What the commands about mailboxes share: their flags, what they work with, what they are.
 */

import type { MailboxName, MailboxStatus, Quota, StoredMessage } from "../mailbox/store.ts";
import type { MailboxUpkeep } from "../mailbox/upkeep.ts";
import type { MailboxDetail, Purge, Purged } from "../operate/mailbox-tools.ts";
import type { Mailboxes } from "../operate/places.ts";
import type { CommandContext } from "./context.ts";
import type { ReachFlags } from "./reach.ts";

export interface MailboxFlags extends ReachFlags {
  readonly json?: boolean | undefined;
  readonly folder?: string | undefined;
  readonly to?: string | undefined;
  readonly from?: string | undefined;
  readonly format?: string | undefined;
  readonly everything?: boolean | undefined;
  readonly "older-than"?: string | undefined;
  readonly namespace?: string | undefined;
  readonly shared?: boolean | undefined;
}

/** What commands work with. */
export interface MailboxTools {
  /** Every one that holds or held something, with what the directory allows it. */
  mailboxes(signal: AbortSignal): AsyncIterable<MailboxStatus & { readonly quota?: Quota }>;
  detail(mailbox: MailboxName, signal: AbortSignal): Promise<MailboxDetail>;
  messages(mailbox: MailboxName, folder: string, signal: AbortSignal): AsyncIterable<StoredMessage>;
  readonly upkeep: MailboxUpkeep;
  /** `undefined`: there is no such mailbox. */
  purge(mailbox: MailboxName, what: Purge, signal: AbortSignal): Promise<Purged | undefined>;
  /** The store itself: the API gives out no mail and takes none. Throws `CommandError`. */
  files(): Promise<MailboxFiles>;
}

export interface MailboxFiles {
  readonly store: Mailboxes;
  /** What the directory allows; `undefined` for one it does not know. */
  quotaOf(mailbox: MailboxName): Quota | undefined;
}

export type MailboxRun = (tools: MailboxTools, context: CommandContext) => Promise<number>;
