/**
 * The tools of `postfleet mailbox`: the API for all that looks and steers, the store for what carries mail.
 *
 * In:     how to get at either; each is opened when it is needed.
 */
import { type ApiClient, Refused } from "../api/client/client.ts";
import {
  mailboxDetail,
  mailboxMessages,
  purgeMailbox,
  repairMailbox,
  restoredMailbox,
  storedMailboxes,
  verifyMailbox,
} from "../api/contract/mailboxes.ts";
import type { MailboxName, MailboxStatus, StoredMessage } from "../mailbox/store.ts";
import type { PlacesAsked } from "../operate/mailbox-places.ts";
import type { MailboxDetail } from "../operate/mailbox-tools.ts";
import type { MailboxFiles, MailboxTools } from "./mailbox-tools.ts";

export interface Access {
  readonly client: () => Promise<ApiClient>;
  readonly files: () => Promise<MailboxFiles>;
}

export function toolsByApi({ client, files }: Access, asked: PlacesAsked): MailboxTools {
  const params = (mailbox: MailboxName) => ({ address: mailbox });
  const ofOne = (mailbox: MailboxName) => ({ params: params(mailbox), body: asked });
  return {
    async *mailboxes(signal) {
      for (let after: string | undefined; ; ) {
        const query = { ...asked, after };
        const page = await (await client()).ask(storedMailboxes, { query }, signal);
        // The names come from the store, and the API is ours: what it calls a mailbox is one.
        yield* page.mailboxes as readonly (MailboxStatus & (typeof page.mailboxes)[number])[];
        after = page.after;
        if (after === undefined) return;
      }
    },
    detail: async (mailbox, signal) =>
      (await orNothing(
        (await client()).ask(mailboxDetail, { params: params(mailbox), query: asked }, signal),
      )) as MailboxDetail,
    async *messages(mailbox, folder, signal) {
      for (let after: number | undefined; ; ) {
        const query = { ...asked, folder, after };
        const page = await (await client()).ask(mailboxMessages, { params: params(mailbox), query }, signal);
        yield* page.messages as readonly StoredMessage[];
        after = page.after;
        if (after === undefined) return;
      }
    },
    upkeep: {
      verify: async (mailbox, signal) =>
        (await (await client()).ask(verifyMailbox, ofOne(mailbox), signal)).findings,
      repair: async (mailbox, signal) =>
        (await (await client()).ask(repairMailbox, ofOne(mailbox), signal)).mended,
      restored: async (mailbox, signal) =>
        (await (await client()).ask(restoredMailbox, ofOne(mailbox), signal)).restored,
    },
    async purge(mailbox, { folder, olderThanMs }, signal) {
      const what = folder === undefined ? "everything" : "folder";
      const body = { ...asked, what, folder, olderThanMs } as const;
      return orUndefined((await client()).ask(purgeMailbox, { params: params(mailbox), body }, signal));
    },
    files,
  };
}

async function orUndefined<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof Refused && error.status === 404 && error.version === undefined) return undefined;
    throw error;
  }
}

const orNothing = async <T>(asking: Promise<T>): Promise<T | Record<never, never>> =>
  (await orUndefined(asking)) ?? {};
