/**
 * MAIL of a user who logged in: the reverse-path is an address of that user's. RFC 6409 §6.1
 *
 * One's own are the mailbox's address and aliases, each with any detail, and every alias or catch-all of the domain
 * that reaches the mailbox directly: who receives an address's mail may send as it. The null sender is everybody's
 * (receipts and automatic answers, RFC 8098 §3).
 */
import type { Directory, MailboxEntry } from "../../directory/directory.ts";
import type { Address } from "../../mail/address.ts";
import { mailboxName } from "../../mailbox/store.ts";
import type { Verdict } from "../../smtp/mailroom.ts";
import { replies } from "../replies.ts";
import type { Mail } from "./rule.ts";

export function ownSender({ standing, sender, directory }: Mail): Verdict {
  if (standing.kind !== "user" || sender.path === "") return undefined;
  return owns(directory, standing.mailbox, sender.path) ? undefined : replies.notYourAddress(sender.path);
}

/** Whether somebody with this mailbox may write as this address. */
export function owns(directory: Directory, { mailbox, aliases }: MailboxEntry, path: Address): boolean {
  const name = mailboxName(path);
  if (name === mailbox) return true;
  const meant = directory.resolve(path);
  if (meant.kind === "mailbox") return meant.mailbox.mailbox === mailbox;
  if (meant.kind !== "expand") return false;
  if (meant.keep?.mailbox === mailbox || meant.to.some((to) => mailboxName(to) === mailbox)) return true;
  // A mailbox that forwards everything and keeps nothing still owns its aliases.
  return aliases.some((alias) => mailboxName(alias) === name);
}
