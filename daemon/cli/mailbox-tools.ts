/**
 * What the commands about mailboxes share: their flags, what they work with, what they are.
 */
import type { AppPassword } from "../../crds/types.ts";
import type { ScriptStore } from "../mailbox/scripts.ts";
import type { MailboxName, Quota } from "../mailbox/store.ts";
import type { MailboxUpkeep } from "../mailbox/upkeep.ts";
import type { PasswordUses } from "../mailbox/uses.ts";
import type { CommandContext } from "./context.ts";
import type { Mailboxes } from "./mailbox-places.ts";

export interface MailboxFlags {
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
  readonly store: Mailboxes;
  readonly upkeep: MailboxUpkeep;
  readonly scripts: Pick<ScriptStore, "forget">;
  readonly uses: Pick<PasswordUses, "forget" | "uses">;
  /** What the directory allows each mailbox; `undefined` for one it does not know. */
  readonly quotas: () => Promise<(mailbox: MailboxName) => Quota | undefined>;
  /** The app passwords that the directory has for it; `undefined` for one it does not know. */
  readonly appPasswords: (mailbox: MailboxName) => Promise<readonly AppPassword[] | undefined>;
}

export type MailboxRun = (tools: MailboxTools, context: CommandContext) => Promise<number>;
