/**
 * Deliveries that wait for one mailbox. One group is filed at a time; the next takes whatever has come meanwhile.
 */
import type { Delivery, Filed } from "../../mailbox/store.ts";
import type { Claim } from "./bodies.ts";

/** A delivery on its way into the ledger. */
export interface Pending {
  readonly delivery: Delivery;
  /** Octets, prefix included. */
  readonly size: number;
  /** Of its delivery mark. */
  readonly mark: string;
  claim: Claim;
  readonly signal: AbortSignal;
  /** Exactly one of these is called. */
  readonly filed: (result: Filed) => void;
  readonly failed: (reason: unknown) => void;
}

/** Four entries each, and the ledger: well below what one batch may hold. */
const GROUP = 100;
const GROUP_BYTES = 2 << 20;

export class Lane {
  #waiting: Pending[] = [];
  running = false;

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  add(pending: Pending): void {
    this.#waiting.push(pending);
  }

  /** The oldest, as many as fit; a second delivery with the same mark waits, so that it finds the first one's. */
  take(): Pending[] {
    const group: Pending[] = [];
    const marks = new Set<string>();
    let bytes = 0;
    for (const pending of this.#waiting) {
      bytes += carriedBytes(pending.claim);
      const full = group.length === GROUP || (group.length > 0 && bytes > GROUP_BYTES);
      if (full || marks.has(pending.mark)) break;
      marks.add(pending.mark);
      group.push(pending);
    }
    this.#waiting = this.#waiting.slice(group.length);
    return group;
  }
}

const carriedBytes = (claim: Claim) => (claim.kind === "carried" ? claim.octets.length : 0);
