/**
 * What the mailboxes of a process hold in memory: folders and mailboxes that are in use, and for a while those that were.
 *
 * A client that comes every minute, or goes back and forth between two folders, finds them as they were left: they are
 * kept true by the stream all the while.
 *
 * Limits: messages of folders, in use and not; beyond it what is not in use goes, and then no further folder is opened
 *         (`MailboxRefusal` LIMIT), so that many large mailboxes cannot end the process.
 */
import { getHeapStatistics } from "node:v8";
import type { Clock } from "../kit/clock.ts";
import { Lingering } from "./lingering.ts";
import { MailboxRefusal } from "./session.ts";

/** What one message takes, about. */
const MESSAGE_OCTETS = 500;
const LINGER_MS = 5 * 60_000;
const LINGERING_MESSAGES = 200_000;
const LINGERING_MAILBOXES = 1_000;

/** Half of what the process may grow to. */
const messagesInMemory = (): number => Math.floor(getHeapStatistics().heap_size_limit / 2 / MESSAGE_OCTETS);

export class Holdings implements Disposable {
  readonly #most: number;
  readonly folders: Lingering<object>;
  readonly mailboxes: Lingering<object>;
  #used = 0;

  constructor(clock: Pick<Clock, "monotonic">, most = messagesInMemory()) {
    this.#most = most;
    this.folders = new Lingering({ weight: Math.min(LINGERING_MESSAGES, most / 4), ms: LINGER_MS }, clock);
    this.mailboxes = new Lingering({ weight: LINGERING_MAILBOXES, ms: LINGER_MS }, clock);
  }

  /** Messages of folders in use. */
  get used(): number {
    return this.#used;
  }

  /** Takes a folder of so many messages into use. Throws `MailboxRefusal`; returns what ends it. */
  use(messages: number): () => void {
    if (this.#used > 0 && this.#used + messages > this.#most)
      throw new MailboxRefusal("LIMIT", "too many large folders are open here, please try again later");
    this.#used += messages;
    this.folders.shrink(this.#most - this.#used);
    let used = true;
    return () => {
      if (used) this.#used -= messages;
      used = false;
    };
  }

  [Symbol.dispose](): void {
    this.folders[Symbol.dispose]();
    this.mailboxes[Symbol.dispose]();
  }
}
