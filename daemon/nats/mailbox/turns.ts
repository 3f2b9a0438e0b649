/**
 * Whoever writes a mailbox in this process does it in turn: deliveries and readers' orders would overtake each other
 * else, and the slower side would hardly ever get through.
 */
import type { MailboxName } from "../../mailbox/store.ts";

export class Turns {
  readonly #last = new Map<MailboxName, Promise<unknown>>();

  /** Runs when everybody who came before has ended, however they ended. */
  async take<T>(mailbox: MailboxName, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(mailbox);
    const mine = before ? before.then(work, work) : work();
    this.#last.set(mailbox, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(mailbox) === mine) this.#last.delete(mailbox);
    }
  }
}
