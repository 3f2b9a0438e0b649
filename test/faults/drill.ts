/**
 * What a restoration must have brought back, and what it must not do again. Pure.
 *
 * In:     the books; when the copy was begun, and when the restored installation was started.
 * Rules
 * - Accepted before the copy was begun: every recipient elsewhere has got the message, before the loss or after; every
 *   mailbox holds it; every failure is reported.                                                    else `missing`
 * - Delivered elsewhere, and settled, before the copy was begun: not delivered after the restoration.    else `again`
 * - No mailbox holds anything twice, and no failure from before the copy is reported twice.              else `again`
 * What was delivered after the copy was begun is delivered again: nobody can know. It is counted, not blamed.
 */
import { type Books, SETTLING_MS } from "./reconcile.ts";

export interface Moments {
  readonly began: number;
  readonly restored: number;
}

export interface DrillAccount {
  /** Messages, and their recipients. */
  readonly acceptedBefore: number;
  readonly promisedBefore: number;
  /** Recipients elsewhere, settled. */
  readonly deliveredBefore: number;
  /** Deliveries elsewhere after the restoration. */
  readonly deliveredAfter: number;
  /** Of these: first delivered between copy and loss. */
  readonly unavoidable: number;
  readonly missing: readonly string[];
  readonly again: readonly string[];
}

export function accountOfDrill(
  { ledger, filed, reported }: Books,
  { began, restored }: Moments,
): DrillAccount {
  const times = new Map<string, number[]>();
  for (const { address, at } of ledger.copies) times.set(address, [...(times.get(address) ?? []), at]);
  const missing: string[] = [];
  const again: string[] = [];
  let acceptedBefore = 0;
  let promisedBefore = 0;
  for (const { id, told, at = 0, expected } of ledger.sent.values()) {
    const before = told?.kind === "accepted" && at < began;
    if (before) acceptedBefore++;
    for (const { address, fate } of expected) {
      const count = {
        sink: () => times.get(address)?.length ?? 0,
        mailbox: () => filed.get(address)?.filter((each) => each === id).length ?? 0,
        bounce: () => reported.filter((each) => each === address).length,
      }[fate]();
      if (before) promisedBefore++;
      if (before && count === 0) missing.push(`${id} for ${address}`);
      if (fate === "mailbox" && count > 1) again.push(`${id} in ${address}`);
      if (fate === "bounce" && count > 1 && at < began - SETTLING_MS)
        again.push(`the report about ${address}`);
    }
  }
  let deliveredBefore = 0;
  let deliveredAfter = 0;
  let unavoidable = 0;
  for (const [address, at] of times) {
    const settled = at.some((time) => time < began - SETTLING_MS);
    const after = at.filter((time) => time > restored).length;
    if (settled) deliveredBefore++;
    deliveredAfter += after;
    if (settled && after > 0) again.push(`${address}, delivered before the copy`);
    else if (after > 0 && at.some((time) => time < restored)) unavoidable++;
  }
  return { acceptedBefore, promisedBefore, deliveredBefore, deliveredAfter, unavoidable, missing, again };
}
