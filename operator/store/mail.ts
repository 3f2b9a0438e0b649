/**
 * What lies in mailboxes: coarse figures, and the end of a mailbox.
 *
 * Fails:  `StoreUnavailable`; a purge that was cut goes on where it stopped when it is asked for again.
 */
import type { MailboxAccess, MailboxSession } from "../../daemon/mailbox/session.ts";
import type { MailboxName, MailboxStore } from "../../daemon/mailbox/store.ts";
import type { MailboxUsage, MailStore } from "../reconcile/ports.ts";

export class StoredMail implements MailStore {
  readonly #store: Pick<MailboxStore, "mailboxes" | "status"> & MailboxAccess;

  constructor(store: Pick<MailboxStore, "mailboxes" | "status"> & MailboxAccess) {
    this.#store = store;
  }

  async *usage(signal: AbortSignal): AsyncIterable<MailboxUsage> {
    for await (const { mailbox, bytes, messages } of this.#store.mailboxes(signal))
      yield { address: mailbox, bytes, messages };
  }

  async purge(address: string, signal: AbortSignal): Promise<void> {
    const mailbox = address as MailboxName;
    if (!(await this.#store.status(mailbox, signal))) return;
    await using session = await this.#store.open(mailbox, { quota: () => ({}) }, signal);
    for (const { name } of session.folders()) await empty(session, name, signal);
  }
}

async function empty(session: MailboxSession, folder: string, signal: AbortSignal): Promise<void> {
  using view = await session.select(folder, signal);
  if (!view) return; // somebody deleted it meanwhile
  await view.expunge(
    view.messages.map(({ uid }) => uid),
    signal,
  );
}
