/**
 * The open mailboxes of this process: sessions of the same user share one cache.
 *
 * A cache outlives its last session for a while (`holdings.ts`); whoever comes while it is being closed gets a new one, and
 * so does whoever comes after the store was brought back from a copy.
 */
import type { Chance, Clock } from "../kit/clock.ts";
import { Cache } from "./cache.ts";
import { CachedSession } from "./cached-session.ts";
import { Desk } from "./desk.ts";
import { furnished } from "./folders.ts";
import { Holdings } from "./holdings.ts";
import type { Journal, Told } from "./journal.ts";
import type { MailboxSession, OpenOptions } from "./session.ts";
import { BroughtBack, type MailboxName } from "./store.ts";

interface Shared extends AsyncDisposable {
  readonly journal: Journal;
  readonly cache: Cache;
  readonly desk: Desk;
}

interface Entry {
  readonly opening: Promise<Shared>;
  holders: number;
  /** Nobody may come any more. */
  lost: boolean;
  over: boolean;
}

export class Sessions implements AsyncDisposable {
  readonly #journal: (mailbox: MailboxName) => Journal;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #holdings: Holdings;
  readonly #entries = new Map<MailboxName, Entry>();

  constructor(
    journal: (mailbox: MailboxName) => Journal,
    clock: Clock,
    chance: Chance,
    holdings = new Holdings(clock),
  ) {
    this.#journal = journal;
    this.#holdings = holdings;
    this.#clock = clock;
    this.#chance = chance;
  }

  async open(mailbox: MailboxName, options: OpenOptions, signal: AbortSignal): Promise<MailboxSession> {
    try {
      return await this.#open(mailbox, options, signal);
    } catch (error) {
      if (!(error instanceof BroughtBack)) throw error;
      return await this.#open(mailbox, options, signal);
    }
  }

  async #open(mailbox: MailboxName, options: OpenOptions, signal: AbortSignal): Promise<MailboxSession> {
    const known = this.#entries.get(mailbox);
    const entry = known ?? this.#enter(mailbox);
    this.#holdings.mailboxes.take(entry);
    entry.holders++;
    const release = () => this.#release(mailbox, entry);
    try {
      const { journal, cache, desk } = await entry.opening;
      signal.throwIfAborted();
      // Whatever was stored before somebody came, by whomever, is there.
      if (known) await cache.sync(signal);
      const now = () => this.#clock.now();
      if (!cache.ledger.furnished)
        await desk.carryOut(
          (ledger) =>
            ledger.furnished
              ? { answer: undefined }
              : { answer: undefined, unit: { ledger: furnished(ledger, now()), edits: [], logs: [] } },
          signal,
        );
      return new CachedSession({ journal, cache, desk, quota: options.quota, now, release });
    } catch (error) {
      await release();
      throw error;
    }
  }

  #enter(mailbox: MailboxName): Entry {
    const lost = () => this.#lose(mailbox, entry);
    const entry: Entry = { opening: this.#share(mailbox, lost), holders: 0, lost: false, over: false };
    entry.opening.catch(() => {}); // told to everyone who waits for it
    this.#entries.set(mailbox, entry);
    return entry;
  }

  #lose(mailbox: MailboxName, entry: Entry): void {
    entry.lost = true;
    if (this.#entries.get(mailbox) === entry) this.#entries.delete(mailbox);
    if (this.#holdings.mailboxes.take(entry)) void this.#end(mailbox, entry);
  }

  async #share(mailbox: MailboxName, lost: () => void): Promise<Shared> {
    const journal = this.#journal(mailbox);
    let cache: Cache | undefined;
    const early: Told[] = [];
    const told = (unit: Told) => (cache ? cache.apply(unit) : void early.push(unit));
    let gone = false;
    const lose = () => {
      gone = true;
      cache?.lose();
      lost();
    };
    const followed = await journal.follow({ told, lost: lose }, new AbortController().signal);
    cache = new Cache(journal, followed.ledger, followed.sequence, this.#holdings);
    if (gone) cache.lose();
    for (const unit of early) cache.apply(unit);
    const desk = new Desk({ journal, cache, clock: this.#clock, chance: this.#chance });
    return {
      journal,
      cache,
      desk,
      async [Symbol.asyncDispose]() {
        cache.end();
        await followed[Symbol.asyncDispose]();
      },
    };
  }

  async #release(mailbox: MailboxName, entry: Entry): Promise<void> {
    if (--entry.holders > 0) return;
    const shared = await entry.opening.catch(() => undefined);
    if (entry.holders > 0 || entry.over) return; // somebody came meanwhile, or it has ended
    if (shared === undefined || entry.lost) return this.#end(mailbox, entry);
    this.#holdings.mailboxes.keep(entry, 1, () => void this.#end(mailbox, entry));
  }

  async #end(mailbox: MailboxName, entry: Entry): Promise<void> {
    entry.over = true;
    if (this.#entries.get(mailbox) === entry) this.#entries.delete(mailbox);
    const shared = await entry.opening.catch(() => undefined);
    await shared?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of open) {
      entry.over = true;
      this.#holdings.mailboxes.take(entry);
      const shared = await entry.opening.catch(() => undefined);
      await shared?.[Symbol.asyncDispose]();
    }
    this.#holdings[Symbol.dispose]();
  }
}
