/**
 * What people ask of single mailboxes beyond the directory's list: what is stored, its upkeep, its end.
 *
 * Fails: `CommandError` for a place that is not to be seen, or a folder that is not there; `StoreUnavailable`.
 */
import type { AppPassword } from "../../crds/types.ts";
import { pageByName } from "../kit/page.ts";
import { MailboxRefusal, type MailboxSession } from "../mailbox/session.ts";
import type { MailboxName, MailboxStatus, Quota, StoredMessage } from "../mailbox/store.ts";
import { CommandError } from "./command-error.ts";
import type { Installation } from "./installation.ts";
import type { PlacesAsked } from "./mailbox-places.ts";
import type { Places } from "./places.ts";

type Means = Pick<Installation, "places" | "live" | "now">;

export interface NamePaging {
  readonly after: string | undefined;
  readonly limit: number;
}

/** Every one that holds or held something. */
export async function storedPage(
  { places, live }: Means,
  asked: PlacesAsked,
  { after = "", limit }: NamePaging,
  signal: AbortSignal,
) {
  const found = await places(asked);
  const all: MailboxStatus[] = [];
  for await (const status of found.mailboxes(signal)) all.push(status);
  const { page } = pageByName(all, ({ mailbox }) => mailbox, { fits: () => true, after, limit });
  const directory = live.current();
  const mailboxes = page.map((status) => {
    const quota = directory.mailbox(status.mailbox)?.quota;
    return quota === undefined ? status : { ...status, quota };
  });
  const last = page.at(-1)?.mailbox;
  return { mailboxes, ...(page.length < limit || last === undefined ? {} : { after: last as string }) };
}

export interface MailboxDetail {
  readonly stored?: MailboxStatus;
  readonly declared?: {
    readonly namespace: string;
    readonly quota: Quota;
    readonly appPasswords: readonly AppPasswordDetail[];
  };
}

interface AppPasswordDetail {
  readonly name: string;
  readonly scopes: AppPassword["scopes"];
  readonly lastUse?: { readonly at: number; readonly scope: string };
}

export async function mailboxDetail(
  { places, live }: Means,
  mailbox: MailboxName,
  asked: PlacesAsked,
  signal: AbortSignal,
): Promise<MailboxDetail> {
  const found = await places(asked);
  const stored = await found.status(mailbox, signal);
  const entry = live.current().mailbox(mailbox);
  const whole = stored === undefined ? {} : { stored };
  if (entry === undefined) return whole;
  const { namespace, quota, spec } = entry;
  const appPasswords = await usedPasswords(found, mailbox, spec.appPasswords, signal);
  return { ...whole, declared: { namespace, quota, appPasswords } };
}

async function usedPasswords(
  found: Places,
  mailbox: MailboxName,
  declared: readonly AppPassword[],
  signal: AbortSignal,
): Promise<readonly AppPasswordDetail[]> {
  if (declared.length === 0) return [];
  const uses = new Map((await found.uses.uses(mailbox, signal)).map((use) => [use.name, use]));
  return declared.map(({ name, scopes }) => {
    const use = uses.get(name);
    return { name, scopes, ...(use === undefined ? {} : { lastUse: { at: use.at, scope: use.scope } }) };
  });
}

export async function messagePage(
  found: Places,
  mailbox: MailboxName,
  folder: string,
  { after = 0, limit }: { readonly after: number | undefined; readonly limit: number },
  signal: AbortSignal,
): Promise<{ readonly messages: readonly StoredMessage[]; readonly after?: number }> {
  const messages: StoredMessage[] = [];
  for await (const message of found.messages(mailbox, folder, signal)) {
    if (message.uid <= after) continue;
    if (messages.length === limit) return { messages, after: messages.at(-1)?.uid as number };
    messages.push(message);
  }
  return { messages };
}

export interface Purge {
  /** `undefined`: everything. */
  readonly folder: string | undefined;
  /** Only what was filed longer ago. */
  readonly olderThanMs: number | undefined;
}

export interface Purged {
  readonly removed: number;
  readonly scripts: number;
}

/** `undefined`: there is no such mailbox. */
export async function purge(
  found: Places,
  mailbox: MailboxName,
  { folder, olderThanMs }: Purge,
  now: number,
  signal: AbortSignal,
): Promise<Purged | undefined> {
  const whole = folder === undefined && olderThanMs === undefined;
  const known = await found.status(mailbox, signal);
  const scripts = whole ? await found.scripts.forget(mailbox) : 0;
  if (whole) await found.uses.forget(mailbox);
  if (!known && scripts === 0) return undefined;
  const before = olderThanMs === undefined ? Number.POSITIVE_INFINITY : now - olderThanMs;
  // Opening a mailbox makes one.
  const removed = known ? await purgeMessages(found, { mailbox, folder, before }, signal) : 0;
  return { removed, scripts };
}

async function purgeMessages(
  found: Places,
  { mailbox, folder, before }: { mailbox: MailboxName; folder: string | undefined; before: number },
  signal: AbortSignal,
): Promise<number> {
  await using session = await found.open(mailbox, { quota: () => ({}) }, signal);
  const folders = folder === undefined ? session.folders().map(({ name }) => name) : [folder];
  let removed = 0;
  for (const name of folders) removed += await purgeFolder(session, name, before, signal);
  return removed;
}

async function purgeFolder(
  session: MailboxSession,
  name: string,
  before: number,
  signal: AbortSignal,
): Promise<number> {
  using view = await session.select(name, signal);
  if (!view) throw new CommandError(`${session.mailbox} has no folder ${name}`);
  const old = view.messages.filter(({ saveDate }) => saveDate < before).map(({ uid }) => uid);
  try {
    return (await view.expunge(old, signal)).length;
  } catch (error) {
    if (error instanceof MailboxRefusal) throw new CommandError(error.message, 1, error);
    throw error;
  }
}
