/**
 * What tests of mailbox sessions share: opening, filling, looking.
 */
import assert from "node:assert/strict";
import {
  type Append,
  type MailboxAccess,
  MailboxRefusal,
  type MailboxSession,
  type RefusalCode,
} from "../../daemon/mailbox/session.ts";
import type { MailboxStore, Quota, Uid } from "../../daemon/mailbox/store.ts";
import type { FolderView, Message } from "../../daemon/mailbox/view.ts";
import { all, calm, pieces } from "./mailboxes.ts";

export type TestedStore = MailboxStore & MailboxAccess;

export interface Given {
  readonly store: TestedStore;
  readonly session: MailboxSession;
  readonly open: (quota?: Quota) => Promise<MailboxSession>;
}

export type It = (what: string, run: (given: Given) => Promise<void>) => void;

export const uids = (...numbers: number[]) => numbers as Uid[];
export const append = (text: string, over: Partial<Append> = {}): Append => {
  const octets = Buffer.from(text);
  return { flags: [], size: octets.length, body: pieces(octets), ...over };
};

export async function view(session: MailboxSession, name = "INBOX"): Promise<FolderView> {
  const found = await session.select(name, calm);
  assert.ok(found, `no folder ${name}`);
  return found;
}

export async function filled(
  session: MailboxSession,
  texts: readonly string[],
  name = "INBOX",
): Promise<FolderView> {
  for (const text of texts) await session.append(name, [append(text)], calm);
  return view(session, name);
}

export const refused = (promise: Promise<unknown>, code: RefusalCode) =>
  assert.rejects(promise, (error) => error instanceof MailboxRefusal && error.code === code);

export const list = ({ messages }: FolderView) => messages.map(({ uid }) => uid as number);
export const textOf = async (seen: FolderView, message: Message | undefined) => {
  assert.ok(message);
  return Buffer.concat(await all(seen.read(message, undefined, calm))).toString();
};
