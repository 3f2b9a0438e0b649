/**
 * Whole messages ahead of a client that fetches them one by one, a command each, as many do: while it takes one in, the
 * next few come by one request.
 *
 * In:     the place of each message that was fetched alone, and whole.
 * Out:    the octets of the next one, when they were read ahead.
 * Limits: begins after two in a row; so many messages and octets, for so long: a client that stops costs nothing. What
 *         cannot be had is read when it is asked for, and fails then.
 */
import { isSmall } from "../../mailbox/folder-view.ts";
import type { FolderView, Message } from "../../mailbox/view.ts";

const most = { messages: 16, octets: 128 << 10, ms: 2_000 };

type Coming = Promise<Buffer | undefined>;

export class ReadAhead implements Disposable {
  readonly #view: Pick<FolderView, "octets">;
  readonly #at: (place: number) => Message | undefined;
  #last = Number.NaN;
  #coming = new Map<Message["uid"], Coming>();
  #timer: NodeJS.Timeout | undefined;

  /** `at`: the message at a place of the folder. */
  constructor(view: Pick<FolderView, "octets">, at: (place: number) => Message | undefined) {
    this.#view = view;
    this.#at = at;
  }

  /** The octets of this message, when they are there or on their way; then those behind it follow. */
  take(place: number, signal: AbortSignal): Coming | undefined {
    const message = this.#at(place);
    const inRow = place === this.#last + 1;
    this.#last = place;
    if (!inRow || !message) return this.#forget();
    const found = this.#coming.get(message.uid);
    this.#coming.delete(message.uid);
    if (this.#coming.size === 0) this.#begin(place + 1, signal);
    return found;
  }

  #begin(place: number, signal: AbortSignal): void {
    const messages: Message[] = [];
    let octets = 0;
    for (let next = this.#at(place); next && isSmall(next); next = this.#at(place + messages.length)) {
      octets += next.size;
      if (octets > most.octets || messages.length === most.messages) break;
      messages.push(next);
    }
    if (messages.length === 0) return this.#forget();
    const all = this.#view.octets(messages, signal).catch(() => []);
    for (const [i, { uid }] of messages.entries())
      this.#coming.set(
        uid,
        all.then((found) => found[i]),
      );
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#forget(), most.ms).unref();
  }

  #forget(): undefined {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#coming.clear();
  }

  [Symbol.dispose](): void {
    this.#forget();
  }
}
