/**
 * The ledgers of a stream's mailboxes: read from the leader, remembered for the next delivery.
 *
 * A remembered ledger may be stale, since other pods write too. Nobody relies on it without a compare-and-set on its
 * sequence; a refusal is never given on the strength of it.
 */
import { forgetOldest } from "../../kit/oldest.ts";
import { emptyLedger, type Ledger } from "../../mailbox/ledger.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { Reader } from "./reader.ts";
import { decodeLedger } from "./records.ts";
import { ledgerSubject, type Shard } from "./subjects.ts";

export interface HeldLedger {
  readonly ledger: Ledger;
  /** Stream sequence; 0: there is none yet. */
  readonly sequence: number;
}

const REMEMBERED = 10_000;

export class Ledgers {
  readonly #reader: Reader;
  readonly #shard: Shard;
  /** In order of last use. */
  readonly #held = new Map<MailboxName, HeldLedger>();

  constructor(reader: Reader, shard: Shard) {
    this.#reader = reader;
    this.#shard = shard;
  }

  /** What the leader holds now. Throws `StoreFault`. */
  async load(mailbox: MailboxName): Promise<HeldLedger> {
    const record = await this.#reader.last(ledgerSubject(this.#shard, mailbox));
    if (!record || record.data.length === 0) return { ledger: emptyLedger, sequence: record?.sequence ?? 0 };
    return { ledger: decodeLedger(record.data), sequence: record.sequence };
  }

  remembered(mailbox: MailboxName): HeldLedger | undefined {
    return this.#held.get(mailbox);
  }

  remember(mailbox: MailboxName, held: HeldLedger): void {
    this.#held.delete(mailbox);
    this.#held.set(mailbox, held);
    forgetOldest(this.#held, REMEMBERED);
  }

  forgetAll(): void {
    this.#held.clear();
  }

  forget(mailbox: MailboxName): void {
    this.#held.delete(mailbox);
  }
}
