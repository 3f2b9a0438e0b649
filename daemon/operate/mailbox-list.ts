/**
 * Mailboxes as the directory has them, page by page, each with what lies in it: never a look at all of them.
 *
 * Fails: `StoreUnavailable` when the mailbox store does not answer.
 */
import type { Directory, MailboxEntry } from "../directory/directory.ts";
import { glob } from "../kit/glob.ts";
import { pageByName } from "../kit/page.ts";
import type { MailboxStore, Quota } from "../mailbox/store.ts";

export interface MailboxLine {
  readonly address: string;
  readonly namespace: string;
  readonly messages: number;
  readonly unseen: number;
  readonly bytes: number;
  readonly quota: Quota;
  readonly suspended: boolean;
}

export interface MailboxPage {
  readonly mailboxes: readonly MailboxLine[];
  readonly matching: number;
}

export interface MailboxPageOptions {
  /** A pattern with `*`. */
  readonly match: string;
  /** The address that the page before ended with. */
  readonly after: string;
  readonly limit: number;
}

/** The mailbox stores of an installation: one for all, or one for each namespace. */
export type StoreOf = (namespace: string) => Promise<Pick<MailboxStore, "status">>;

export async function mailboxPage(
  directory: Directory,
  storeOf: StoreOf,
  { match, after, limit }: MailboxPageOptions,
  signal: AbortSignal,
): Promise<MailboxPage> {
  const fits = glob(match);
  const { page, matching } = pageByName(directory.mailboxes(), ({ mailbox }) => mailbox, {
    fits,
    after,
    limit,
  });
  const mailboxes = await Promise.all(page.map((entry) => lineOf(entry, storeOf, signal)));
  return { mailboxes, matching };
}

async function lineOf(entry: MailboxEntry, storeOf: StoreOf, signal: AbortSignal): Promise<MailboxLine> {
  const { mailbox, namespace, quota, spec } = entry;
  const status = await (await storeOf(namespace)).status(mailbox, signal);
  return {
    address: mailbox,
    namespace,
    messages: status?.messages ?? 0,
    unseen: status?.folders.reduce((sum, folder) => sum + folder.unseen, 0) ?? 0,
    bytes: status?.bytes ?? 0,
    quota,
    suspended: spec.suspended === true,
  };
}
