/**
 * `postfleet mailbox passwords`: a mailbox's app passwords, and when each was used last.
 */
import type { MailboxName } from "../mailbox/store.ts";
import { type CommandContext, CommandError } from "./context.ts";
import type { MailboxFlags, MailboxTools } from "./mailbox-tools.ts";

export async function passwords(
  { detail }: MailboxTools,
  mailbox: MailboxName,
  flags: MailboxFlags,
  { out, signal }: CommandContext,
): Promise<number> {
  const { declared } = await detail(mailbox, signal);
  if (!declared) throw new CommandError(`the directory knows no mailbox ${mailbox}`);
  for (const { name, scopes, lastUse: use } of declared.appPasswords) {
    // Exact to an hour: later uses within it are not written.
    const at = use ? `${new Date(use.at).toISOString().slice(0, 16)}Z` : undefined;
    const when = use ? `last used about ${at} for ${use.scope}` : "not used lately";
    const line = { mailbox, name, scopes, lastUsed: at ?? null, lastScope: use?.scope ?? null };
    out.line(flags.json ? JSON.stringify(line) : `${name}\t${scopes.join(", ")}\t${when}`);
  }
  return 0;
}
