/**
 * What lies in mailboxes: coarse figures, and the end of a mailbox.
 *
 * Fails:  `StoreUnavailable`; a purge that was cut goes on where it stopped when it is asked for again.
 */
import type { ScriptStore } from "../../daemon/mailbox/scripts.ts";
import type { MailboxAccess, MailboxSession } from "../../daemon/mailbox/session.ts";
import type { MailboxName, MailboxStore } from "../../daemon/mailbox/store.ts";
import type { PasswordUses } from "../../daemon/mailbox/uses.ts";
import type { MailboxUsage, MailStore } from "../reconcile/ports.ts";

type Store = Pick<MailboxStore, "mailboxes" | "status"> &
  MailboxAccess &
  AsyncDisposable & {
    readonly scripts: Pick<ScriptStore, "forget">;
    readonly uses: Pick<PasswordUses, "forget">;
  };

export interface StoredMailOptions {
  /** `undefined`: the mailboxes that shared daemons keep. */
  readonly open: (namespace: string | undefined) => Store;
  /** Every namespace's mailboxes lie in a store of their own. */
  readonly apart: boolean;
  /** Makes such a store. */
  readonly make: (namespace: string) => Promise<void>;
}

export class StoredMail implements MailStore, AsyncDisposable {
  readonly #options: StoredMailOptions;
  readonly #shared: Store;
  readonly #own = new Map<string, Promise<Store>>();

  constructor(options: StoredMailOptions) {
    this.#options = options;
    this.#shared = options.open(undefined);
  }

  async prepare(namespace: string): Promise<void> {
    await this.#of(namespace);
  }

  async #of(namespace: string): Promise<Store> {
    if (!this.#options.apart) return this.#shared;
    const { make, open } = this.#options;
    let store = this.#own.get(namespace);
    if (!store) {
      store = make(namespace).then(() => open(namespace));
      this.#own.set(namespace, store);
      store.catch(() => this.#own.delete(namespace)); // whoever asks again tries again
    }
    return store;
  }

  async *usage(signal: AbortSignal): AsyncIterable<MailboxUsage> {
    for (const store of [this.#shared, ...this.#own.values()])
      for await (const { mailbox, bytes, messages } of (await store).mailboxes(signal))
        yield { address: mailbox, bytes, messages };
  }

  async purge(address: string, namespace: string, signal: AbortSignal): Promise<void> {
    const mailbox = address as MailboxName;
    const store = await this.#of(namespace);
    await store.scripts.forget(mailbox);
    await store.uses.forget(mailbox);
    if (!(await store.status(mailbox, signal))) return;
    await using session = await store.open(mailbox, { quota: () => ({}) }, signal);
    for (const { name } of session.folders()) await empty(session, name, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shared[Symbol.asyncDispose]();
    for (const store of this.#own.values())
      await (await store.catch(() => undefined))?.[Symbol.asyncDispose]();
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
