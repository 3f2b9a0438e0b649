/**
 * Where the orders of one mailbox's sessions are carried out, one after the other, each on the newest state.
 *
 * In:     a plan: from the state to the unit.
 * Out:    the plan's answer, when its unit is stored and the cache shows it.
 * Fails:  `MailboxRefusal` of the plan; `StoreUnavailable`. Another pod that is faster makes the plan run again.
 */
import type { Chance, Clock } from "../kit/clock.ts";
import type { Cache } from "./cache.ts";
import type { FolderCache } from "./folder-cache.ts";
import { type Edit, type Journal, Overtaken, type Told, type Unit } from "./journal.ts";
import type { FolderLedger, Ledger } from "./ledger.ts";
import type { Planned, Source } from "./orders.ts";
import { MailboxRefusal } from "./session.ts";
import { StoreUnavailable } from "./store.ts";

/** Every failed attempt means that another pod got through. */
const ATTEMPTS = 60;
const STEP_MS = 3;
const LONGEST_MS = 60;

export interface DeskParts {
  readonly journal: Journal;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly chance: Chance;
}

export class Desk {
  readonly #parts: DeskParts;
  /** While another pod writes too, nobody writes twice in a row without a pause: everybody gets through. */
  #rivalsUntil = 0;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  async carryOut<T>(plan: (ledger: Ledger) => Planned<T>, signal: AbortSignal): Promise<T> {
    const { journal, clock, chance } = this.#parts;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      signal.throwIfAborted();
      const busy = clock.monotonic() < this.#rivalsUntil;
      if (attempt > 1 || busy)
        await clock.sleep(chance() * Math.min(LONGEST_MS, STEP_MS * (attempt + 1)), signal);
      const done = await journal.turn((known) => this.#attempt(plan, known));
      if (done) return done.answer;
      this.#rivalsUntil = clock.monotonic() + 1_000;
      await this.#parts.cache.sync();
    }
    throw new StoreUnavailable(`too many write to ${journal.mailbox} at once`);
  }

  /** An order about the messages of a folder. */
  inFolder<T>(folder: FolderCache, plan: (source: Source) => Planned<T>, signal: AbortSignal): Promise<T> {
    return this.carryOut((ledger) => plan({ ledger, folder: ledgerOf(folder), cache: folder }), signal);
  }

  /** `undefined`: another writer was first. */
  async #attempt<T>(
    plan: (ledger: Ledger) => Planned<T>,
    known: number,
  ): Promise<{ readonly answer: T } | undefined> {
    const { journal, cache } = this.#parts;
    await cache.arrived(known);
    const { unit, answer } = plan(cache.ledger);
    if (!unit) return { answer };
    try {
      const sequence = await journal.commit({ ...unit, expect: cache.sequence });
      cache.apply(toldOf({ ...unit, expect: cache.sequence }, sequence));
      return { answer };
    } catch (error) {
      if (error instanceof Overtaken) return undefined;
      throw error;
    }
  }
}

function ledgerOf(folder: FolderCache): FolderLedger {
  const ledger = folder.ledger;
  if (ledger) return ledger;
  throw new MailboxRefusal("NONEXISTENT", "the folder was deleted");
}

/** A unit as those hear of it who follow the mailbox. */
export const toldOf = (unit: Unit, sequence: number): Told => ({
  sequence,
  ledger: unit.ledger,
  records: unit.edits.flatMap(recordsOf),
  logs: unit.logs,
});

function recordsOf(edit: Edit): Told["records"] {
  switch (edit.kind) {
    case "new":
    case "change":
      return [edit];
    case "moved":
      return [edit, { ...edit.from, record: undefined }];
    case "gone":
      return [{ folder: edit.folder, uid: edit.uid, record: undefined }];
  }
}
