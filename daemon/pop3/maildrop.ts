/**
 * A mailbox as POP3 knows it: INBOX as it was when the session began, for this session alone.
 *
 * In:     the mailbox store, and whose mailbox.
 * Out:    messages that keep their numbers, whatever other sessions do meanwhile; their octets; their removal.
 * Fails:  `StoreUnavailable`; `open` gives `undefined` while another POP3 session, in whatever pod, has the maildrop.
 * Spec:   RFC 1939 §4 (exclusive access), §7 (UIDL: the same for ever, never used again, 1 to 70 octets 0x21–0x7E).
 */
import { isAscii } from "node:buffer";
import type { Range } from "../mailbox/digest.ts";
import { downgraded, headersOf } from "../mailbox/downgrade.ts";
import { SMALL } from "../mailbox/journal.ts";
import type { MailboxAccess, MailboxSession } from "../mailbox/session.ts";
import { type MailboxName, type Quota, StoreUnavailable } from "../mailbox/store.ts";
import type { FolderView, Message } from "../mailbox/view.ts";

/** What the client understands: headers in UTF-8, or in ASCII only. RFC 6856 §4 */
export type Form = "utf8" | "ascii";

export interface Maildrop extends AsyncDisposable {
  /** Message `n` of the session is at `n - 1`. */
  readonly messages: readonly Message[];
  /** Aborted when another session may have it, or when it was brought back from a copy: nothing may be removed any more. */
  readonly lost: AbortSignal;
  uidl(message: Message): string;
  /** `undefined`: it was removed by others meanwhile. `ascii`: headers in UTF-8 are downgraded. */
  octets(message: Message, form: Form, signal: AbortSignal): AsyncIterable<Uint8Array> | undefined;
  /** Those that others have removed are passed over. */
  remove(messages: readonly Message[], signal: AbortSignal): Promise<void>;
}

export async function openMaildrop(
  access: MailboxAccess,
  mailbox: MailboxName,
  quota: () => Quota,
  signal: AbortSignal,
): Promise<Maildrop | undefined> {
  await using parts = new AsyncDisposableStack();
  const exclusive = await access.exclusive(mailbox, signal);
  if (exclusive === undefined) return undefined;
  parts.use(exclusive);
  const session: MailboxSession = parts.use(await access.open(mailbox, { quota }, signal));
  const view = await session.select("INBOX", signal);
  if (view === undefined) throw new StoreUnavailable("the mailbox has no INBOX");
  const lost = AbortSignal.any([exclusive.lost, session.lost]);
  return new Inbox(lost, parts.use(view), parts.move());
}

class Inbox implements Maildrop {
  readonly messages: readonly Message[];
  readonly lost: AbortSignal;
  readonly #view: FolderView;
  readonly #uidValidity: number;
  readonly #parts: AsyncDisposableStack;

  constructor(lost: AbortSignal, view: FolderView, parts: AsyncDisposableStack) {
    this.messages = view.messages.slice();
    this.lost = lost;
    this.#view = view;
    this.#uidValidity = view.folder.uidValidity;
    this.#parts = parts;
  }

  uidl({ uid }: Message): string {
    return `${this.#uidValidity}.${uid}`;
  }

  octets(message: Message, form: Form, signal: AbortSignal): AsyncIterable<Uint8Array> | undefined {
    if (this.#view.message(message.uid) === undefined) return undefined;
    const octets = this.#view.read(message, undefined, signal);
    return form === "utf8" ? octets : this.#inAscii(message, octets, signal);
  }

  async *#inAscii(
    message: Message,
    octets: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    if (message.size <= SMALL) {
      const pieces: Uint8Array[] = [];
      for await (const piece of octets) pieces.push(piece);
      const all = Buffer.concat(pieces);
      if (isAscii(all)) return yield all; // nearly all mail: where its headers lie need not be known
      return yield* downgraded(once(all), await this.#headers(message, signal));
    }
    yield* downgraded(octets, await this.#headers(message, signal));
  }

  async #headers(message: Message, signal: AbortSignal): Promise<readonly Range[]> {
    const [digest] = await this.#view.digests([message], signal);
    return digest ? headersOf(digest.structure) : [];
  }

  async remove(messages: readonly Message[], signal: AbortSignal): Promise<void> {
    if (this.lost.aborted) throw new StoreUnavailable("the maildrop is not ours any more");
    await this.#view.expunge(
      messages.map(({ uid }) => uid),
      signal,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync();
  }
}

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield octets;
}
