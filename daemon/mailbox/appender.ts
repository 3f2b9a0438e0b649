/**
 * APPEND: takes in bodies one after the other, then adds all their messages in one unit.
 *
 * Fails: `MailboxRefusal` as soon as it is certain, before further bodies are taken in; `StoreUnavailable`. What was
 *        taken in then is referred to by nothing, and collected.
 * Spec:  RFC 9051 §6.3.12 (APPEND), RFC 3502 (MULTIAPPEND), RFC 4315 (APPENDUID).
 */
import type { Desk } from "./desk.ts";
import { flagSet } from "./flags.ts";
import { target } from "./folders.ts";
import type { Edit, Journal, Staged } from "./journal.ts";
import { added, type Ledger } from "./ledger.ts";
import { checkFlags, type Planned, refuseOver } from "./orders.ts";
import { type Append, type Appended, MailboxRefusal } from "./session.ts";
import type { Quota, Uid } from "./store.ts";

export interface AppendParts {
  readonly journal: Journal;
  readonly desk: Desk;
  readonly cache: { readonly ledger: Ledger };
  readonly quota: () => Quota;
  readonly now: () => number;
}

/** One unit holds them all, and the bodies that travel with it. */
const MESSAGES_MAX = 200;

interface Taken {
  readonly staged: Staged;
  readonly flags: readonly string[];
  readonly internalDate: number | undefined;
  readonly size: number;
  readonly deliveryId: string;
}

export class Appender {
  readonly #parts: AppendParts;

  constructor(parts: AppendParts) {
    this.#parts = parts;
  }

  async append(
    folder: string,
    messages: AsyncIterable<Append> | Iterable<Append>,
    signal: AbortSignal,
  ): Promise<Appended> {
    const { desk, cache } = this.#parts;
    target(cache.ledger, folder);
    const taken: Taken[] = [];
    let bytes = 0;
    for await (const message of messages) {
      bytes += message.size;
      if (taken.length === MESSAGES_MAX)
        throw new MailboxRefusal("LIMIT", `at most ${MESSAGES_MAX} messages can be appended at once`);
      refuseOver(cache.ledger, bytes, taken.length + 1, this.#parts.quota());
      taken.push(await this.#take(message, signal));
    }
    return desk.carryOut((ledger) => this.#plan(ledger, folder, taken), signal);
  }

  async #take({ flags, size, body, internalDate }: Append, signal: AbortSignal): Promise<Taken> {
    const set = flagSet(flags);
    checkFlags(set);
    const staged = await this.#parts.journal.stage(size, body, signal);
    return { staged, flags: set, internalDate, size, deliveryId: this.#parts.journal.newDeliveryId() };
  }

  #plan(ledger: Ledger, name: string, taken: readonly Taken[]): Planned<Appended> {
    const folder = target(ledger, name);
    const { uidValidity } = folder;
    if (taken.length === 0) return { answer: { uidValidity, uids: [] } };
    refuseOver(
      ledger,
      taken.reduce((sum, { size }) => sum + size, 0),
      taken.length,
      this.#parts.quota(),
    );
    const now = this.#parts.now();
    const modseq = ledger.modseq + 1;
    const edits = taken.map(({ staged, flags, internalDate, size, deliveryId }, i): Edit => {
      const { bodyId, chunks } = staged;
      const record = {
        flags,
        internalDate: internalDate ?? now,
        saveDate: now,
        size,
        modseq,
        prefix: "",
        bodyId,
        chunks,
        deliveryId,
      };
      return { kind: "new", folder: folder.id, uid: (folder.uidNext + i) as Uid, record, staged };
    });
    const { ledger: after } = added(ledger, folder, modseq, taken);
    const uids = taken.map((_, i) => (folder.uidNext + i) as Uid);
    return { answer: { uidValidity, uids }, unit: { ledger: after, edits, logs: [] } };
  }
}
