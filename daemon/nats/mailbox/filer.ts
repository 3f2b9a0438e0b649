/**
 * Files deliveries into the mailboxes of one stream.
 *
 * Per mailbox one group is in flight; several mailboxes share an atomic batch by group commit. Another pod may write
 * the same mailbox: then the comparison on its ledger fails, and the group is filed again from the leader's ledger.
 *
 * In:     deliveries.
 * Out:    where each was filed; `duplicate` when its mark is there already; `overQuota` by the leader's ledger only.
 * Fails:  `StoreFault`, after which nothing is known about the delivery; `StoreUnavailable` when it was not filed.
 */
import type { Chance, Clock } from "../../kit/clock.ts";
import { type Delivery, type Filed, type MailboxName, StoreUnavailable } from "../../mailbox/store.ts";
import type { GroupCommit } from "../commit.ts";
import { Conflict } from "../fault.ts";
import type { Bodies } from "./bodies.ts";
import { Lane, type Pending } from "./lane.ts";
import type { HeldLedger, Ledgers } from "./ledgers.ts";
import { type Placed, type Plan, planGroup, type Refused } from "./plan.ts";
import type { Reader } from "./reader.ts";
import { deliverySubject, type Shard } from "./subjects.ts";
import type { Turns } from "./turns.ts";

export interface FilerParts {
  readonly reader: Reader;
  readonly shard: Shard;
  readonly commit: GroupCommit;
  readonly bodies: Bodies;
  readonly ledgers: Ledgers;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly chance: Chance;
}

/** Every failed attempt means that another pod got through, or found something out. */
const ATTEMPTS = 40;
/** Attempts that follow at once; later ones wait, so that rivals fall out of step. */
const AT_ONCE = 2;
const STEP_MS = 5;
const LONGEST_MS = 100;

export class Filer {
  readonly #parts: FilerParts;
  readonly #lanes = new Map<MailboxName, Lane>();
  #open = 0;
  #idle: (() => void)[] = [];

  constructor(parts: FilerParts) {
    this.#parts = parts;
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<Filed> {
    this.#open++;
    try {
      return await this.#deliver(delivery, signal);
    } finally {
      this.#open--;
      if (this.#open === 0) for (const wake of this.#idle.splice(0)) wake();
    }
  }

  async #deliver(delivery: Delivery, signal: AbortSignal): Promise<Filed> {
    const { bodies, shard } = this.#parts;
    const { mailbox, bodyId, deliveryId } = delivery;
    const claim = await bodies.claim(delivery, signal);
    const size = Buffer.byteLength(delivery.prefix) + delivery.size;
    const mark = deliverySubject(shard, bodyId, mailbox, deliveryId);
    return new Promise((filed, failed) => this.#add({ delivery, size, mark, claim, signal, filed, failed }));
  }

  /** Resolves when every delivery has ended. */
  async settled(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #add(pending: Pending): void {
    const { mailbox } = pending.delivery;
    let lane = this.#lanes.get(mailbox);
    if (!lane) {
      lane = new Lane();
      this.#lanes.set(mailbox, lane);
    }
    lane.add(pending);
    if (lane.running) return;
    lane.running = true;
    const ready = lane;
    // Recipients and jobs that come in the same turn of the event loop share the first group.
    queueMicrotask(() => void this.#run(mailbox, ready));
  }

  async #run(mailbox: MailboxName, lane: Lane): Promise<void> {
    while (!lane.empty) {
      const group = lane.take().filter((pending) => this.#wanted(pending));
      let left: readonly Pending[] = group;
      try {
        const remaining = (rest: readonly Pending[]) => {
          left = rest;
        };
        await this.#parts.turns.take(mailbox, () => this.#file(mailbox, group, remaining));
      } catch (error) {
        this.#parts.ledgers.forget(mailbox);
        for (const pending of left) this.#fail(pending, error);
      }
    }
    this.#lanes.delete(mailbox);
  }

  #wanted(pending: Pending): boolean {
    if (!pending.signal.aborted) return true;
    this.#fail(pending, pending.signal.reason);
    return false;
  }

  /** Settles every delivery of the group; tells `remaining` whom a failure would concern. */
  async #file(
    mailbox: MailboxName,
    group: readonly Pending[],
    remaining: (left: readonly Pending[]) => void,
  ): Promise<void> {
    const { ledgers, clock, shard } = this.#parts;
    let left = group;
    for (let attempt = 1; left.length > 0; attempt++) {
      if (attempt > ATTEMPTS) throw new StoreUnavailable(`too many write to ${mailbox} at once`);
      if (attempt > AT_ONCE) await this.#stepAside(attempt);
      const remembered = ledgers.remembered(mailbox);
      const held = remembered ?? (await ledgers.load(mailbox));
      const plan = planGroup({ shard, mailbox, held, now: clock.now() }, left);
      if (plan.refused.length > 0) {
        ledgers.forget(mailbox); // nobody is refused on hearsay
        if (remembered) continue;
        // Nor because of one that was filed already: it needs no room.
        const fresh = await this.#unmarked(left);
        if (fresh.length < left.length) {
          left = fresh;
          remaining(left);
          continue;
        }
      }
      for (const refused of plan.refused) this.#refuse(refused);
      left = plan.placed.map((placed) => placed.pending);
      remaining(left);
      if (left.length > 0) left = await this.#commit(mailbox, held, plan);
      remaining(left);
    }
  }

  /** Those that are to be tried again. */
  async #commit(mailbox: MailboxName, held: HeldLedger, plan: Plan): Promise<readonly Pending[]> {
    const { commit, ledgers } = this.#parts;
    try {
      const first = await commit.commit(plan.entries);
      ledgers.remember(mailbox, { ledger: plan.after, sequence: first + plan.entries.length - 1 });
      for (const placed of plan.placed) this.#filed(placed, first);
      return [];
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      return this.#reconcile(
        mailbox,
        held,
        plan.placed.map((placed) => placed.pending),
      );
    }
  }

  #filed({ pending, uid, uidValidity, headEntry }: Placed, first: number): void {
    if (headEntry !== undefined) this.#parts.bodies.settle(pending.delivery.bodyId, first + headEntry);
    pending.filed({ kind: "filed", uid, uidValidity });
  }

  /** A comparison failed: of the ledger, a mark, or a body. Finds out which; those that can be tried again. */
  async #reconcile(
    mailbox: MailboxName,
    held: HeldLedger,
    group: readonly Pending[],
  ): Promise<readonly Pending[]> {
    const { ledgers } = this.#parts;
    ledgers.forget(mailbox);
    const found = await ledgers.load(mailbox);
    ledgers.remember(mailbox, found);
    if (found.sequence !== held.sequence) return group;
    const fresh = await this.#unmarked(group);
    if (fresh.length < group.length) return fresh;
    const renewed = await Promise.all(fresh.map((pending) => this.#renew(pending)));
    return fresh.filter((_, i) => renewed[i]);
  }

  async #renew(pending: Pending): Promise<boolean> {
    if (pending.claim.kind !== "relied") return true;
    const claim = await this.#parts.bodies.renew(pending.delivery.bodyId);
    if (claim) pending.claim = claim;
    else
      this.#fail(
        pending,
        new StoreUnavailable("the body was removed meanwhile; the next delivery stores it"),
      );
    return claim !== undefined;
  }

  /** A delivery that was filed already is a duplicate, however full the mailbox is now; those that were not. */
  async #unmarked(group: readonly Pending[]): Promise<readonly Pending[]> {
    const found = await Promise.all(group.map(({ mark }) => this.#parts.reader.last(mark)));
    for (const [i, pending] of group.entries()) if (found[i]) this.#end(pending, { kind: "duplicate" });
    return group.filter((_, i) => found[i] === undefined);
  }

  #refuse({ pending, used, limit }: Refused): void {
    this.#end(pending, { kind: "overQuota", used, limit });
  }

  #end(pending: Pending, result: Filed): void {
    this.#release(pending);
    pending.filed(result);
  }

  #fail(pending: Pending, reason: unknown): void {
    this.#release(pending);
    pending.failed(reason);
  }

  /** Whoever waits for a body that was to be carried stores it instead. */
  #release({ claim, delivery }: Pending): void {
    if (claim.kind === "carried") this.#parts.bodies.settle(delivery.bodyId, undefined);
  }

  #stepAside(attempt: number): Promise<void> {
    const { clock, chance } = this.#parts;
    return clock.sleep(Math.ceil(chance() * Math.min(LONGEST_MS, STEP_MS * attempt)));
  }
}
