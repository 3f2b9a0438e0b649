/**
 * Every place where mailboxes lie, as one store: what the shared daemons keep, and a stream for each namespace whose daemons
 * serve it alone (`placement: Namespaced`).
 *
 * In:     the places by namespace; `undefined` is the shared one. Where the directory says that a mailbox belongs.
 * Out:    listings go through all of them; a mailbox is looked for where it holds or held something, if only scripts, and
 *         lies where it belongs when it never did.
 * Fails:  `CommandError` for a mailbox that lies in several: after a change of `placement` one of them is the former.
 */
import type { ScriptStore } from "../mailbox/scripts.ts";
import type { MailboxAccess, MailboxSession, OpenOptions } from "../mailbox/session.ts";
import type { MailboxName, MailboxStatus, MailboxStore, StoredMessage, Uid } from "../mailbox/store.ts";
import type { Finding, MailboxUpkeep } from "../mailbox/upkeep.ts";
import type { PasswordUses } from "../mailbox/uses.ts";
import { usage } from "./command-error.ts";

/** What commands ask of a store. */
export type Mailboxes = Pick<MailboxStore, "status" | "mailboxes" | "messages" | "read"> &
  Pick<MailboxAccess, "open">;

export type Place = Mailboxes &
  MailboxUpkeep & {
    readonly scripts: Pick<ScriptStore, "scripts" | "forget">;
    readonly uses: Pick<PasswordUses, "forget" | "uses">;
  };

export class Places implements Mailboxes, MailboxUpkeep {
  readonly #places: ReadonlyMap<string | undefined, Place>;
  readonly #namespaceOf: (mailbox: MailboxName) => Promise<string | undefined>;
  readonly #found = new Map<MailboxName, Promise<Place>>();

  constructor(
    places: ReadonlyMap<string | undefined, Place>,
    namespaceOf: (mailbox: MailboxName) => Promise<string | undefined>,
  ) {
    if (places.size === 0) throw new Error("there is no place for mailboxes");
    this.#places = places;
    this.#namespaceOf = namespaceOf;
  }

  readonly scripts: Pick<ScriptStore, "forget"> = {
    forget: async (mailbox) => (await this.#of(mailbox)).scripts.forget(mailbox),
  };

  readonly uses: Pick<PasswordUses, "forget" | "uses"> = {
    forget: async (mailbox) => (await this.#of(mailbox)).uses.forget(mailbox),
    uses: async (mailbox, signal) => (await this.#of(mailbox, signal)).uses.uses(mailbox, signal),
  };

  async *mailboxes(signal: AbortSignal): AsyncIterable<MailboxStatus> {
    for (const place of this.#places.values()) yield* place.mailboxes(signal);
  }

  async status(mailbox: MailboxName, signal: AbortSignal): Promise<MailboxStatus | undefined> {
    return (await this.#of(mailbox, signal)).status(mailbox, signal);
  }

  async *messages(mailbox: MailboxName, folder: string, signal: AbortSignal): AsyncIterable<StoredMessage> {
    yield* (await this.#of(mailbox, signal)).messages(mailbox, folder, signal);
  }

  async read(mailbox: MailboxName, folder: string, uid: Uid, signal: AbortSignal) {
    return (await this.#of(mailbox, signal)).read(mailbox, folder, uid, signal);
  }

  async open(mailbox: MailboxName, options: OpenOptions, signal: AbortSignal): Promise<MailboxSession> {
    return (await this.#of(mailbox, signal)).open(mailbox, options, signal);
  }

  async verify(mailbox: MailboxName, signal: AbortSignal): Promise<readonly Finding[]> {
    return (await this.#of(mailbox, signal)).verify(mailbox, signal);
  }

  async repair(mailbox: MailboxName, signal: AbortSignal): Promise<readonly Finding[]> {
    return (await this.#of(mailbox, signal)).repair(mailbox, signal);
  }

  async restored(mailbox: MailboxName, signal: AbortSignal): Promise<boolean> {
    return (await this.#of(mailbox, signal)).restored(mailbox, signal);
  }

  #of(mailbox: MailboxName, signal = AbortSignal.timeout(60_000)): Promise<Place> {
    let place = this.#found.get(mailbox);
    if (!place) {
      place = this.#find(mailbox, signal);
      this.#found.set(mailbox, place);
    }
    return place;
  }

  async #find(mailbox: MailboxName, signal: AbortSignal): Promise<Place> {
    const [only, ...more] = [...this.#places.values()];
    if (only && more.length === 0) return only;
    const each = [...this.#places].map(async ([namespace, place]) => {
      const status = await place.status(mailbox, signal);
      const held = status !== undefined || (await place.scripts.scripts(mailbox)).scripts.size > 0;
      return held ? [{ namespace, place }] : [];
    });
    const [first, ...others] = (await Promise.all(each)).flat();
    if (first && others.length === 0) return first.place;
    if (first) throw severalPlaces(mailbox, [first, ...others]);
    const home = await this.#namespaceOf(mailbox);
    return this.#places.get(home) ?? this.#places.get(undefined) ?? (only as Place);
  }
}

function severalPlaces(mailbox: MailboxName, found: readonly { readonly namespace: string | undefined }[]) {
  const flags = found.map(({ namespace }) =>
    namespace === undefined ? "--shared" : `--namespace ${namespace}`,
  );
  return usage(`${mailbox} lies in several places; say which with ${flags.join(" or ")}`);
}
