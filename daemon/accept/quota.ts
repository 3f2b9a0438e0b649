/**
 * Is a mailbox full? A guess that is a few seconds old at most, so that RCPT seldom waits for the store.
 *
 * The exact answer comes with the delivery; this one spares the sender's host a message that would only wait here.
 * In doubt (the store is away) a mailbox counts as not full: local delivery defers.
 */
import type { MailboxEntry } from "../directory/directory.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { forgetOldest } from "../kit/oldest.ts";
import type { MailboxName, MailboxStatus, Quota } from "../mailbox/store.ts";
import type { Later } from "../smtp/mailroom.ts";

/** Figures of one mailbox, or `undefined` when nothing was ever filed there. */
export type StatusOf = (
  mailbox: MailboxName,
  signal: AbortSignal,
) => Promise<Pick<MailboxStatus, "bytes" | "messages"> | undefined>;

interface Known {
  readonly bytes: number;
  readonly messages: number;
  readonly at: number;
}

const freshMs = 5_000;
/** Still answered at once, while a newer figure is fetched. */
const staleMs = 60_000;
const maxKnown = 20_000;

export class QuotaWatch {
  readonly #statusOf: StatusOf;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #known = new Map<MailboxName, Known>();
  readonly #fetching = new Map<MailboxName, Promise<Known>>();
  readonly #stop = new AbortController();

  constructor(statusOf: StatusOf, clock: Clock, log: Log) {
    this.#statusOf = statusOf;
    this.#clock = clock;
    this.#log = log;
  }

  isFull({ mailbox, quota }: MailboxEntry, size: number): Later<boolean> {
    const known = this.#known.get(mailbox);
    const age = known ? this.#clock.monotonic() - known.at : Number.POSITIVE_INFINITY;
    if (!known || age >= staleMs) return this.#fetch(mailbox).then((now) => exceeds(now, size, quota));
    if (age >= freshMs) void this.#fetch(mailbox);
    return exceeds(known, size, quota);
  }

  /** Ends what is being fetched. */
  close(): void {
    this.#stop.abort();
  }

  /** Never rejects. Shared by all who ask meanwhile, so nobody's lost connection ends it. */
  #fetch(mailbox: MailboxName): Promise<Known> {
    const running = this.#fetching.get(mailbox);
    if (running) return running;
    const fetching = this.#ask(mailbox).finally(() => this.#fetching.delete(mailbox));
    this.#fetching.set(mailbox, fetching);
    return fetching;
  }

  async #ask(mailbox: MailboxName): Promise<Known> {
    let figures = { bytes: 0, messages: 0 };
    try {
      figures = (await this.#statusOf(mailbox, this.#stop.signal)) ?? figures;
    } catch (error) {
      this.#log.debug({ mailbox, err: error }, "quota not known, the mailbox counts as not full");
      figures = this.#known.get(mailbox) ?? figures;
    }
    const known = { bytes: figures.bytes, messages: figures.messages, at: this.#clock.monotonic() };
    this.#known.delete(mailbox);
    this.#known.set(mailbox, known);
    forgetOldest(this.#known, maxKnown);
    return known;
  }
}

const exceeds = ({ bytes, messages }: Known, size: number, quota: Quota): boolean =>
  (quota.bytes !== undefined && bytes + size > quota.bytes) ||
  (quota.messages !== undefined && messages >= quota.messages);
