/**
 * The record by which candidates agree on who leads.
 *
 * Spec:   coordination.k8s.io/v1 Lease, with the timing of client-go.
 */
import type { Typed } from "./object.ts";

export interface LeaseSpec {
  /** Empty: it was released. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export type Lease = Typed<LeaseSpec | undefined>;

export interface Timing {
  /** How long a record that does not change keeps others away. */
  readonly leaseMs: number;
  /** How long a leader acts on after its last good renewal. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

export const leaseTiming: Timing = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** As `metav1.MicroTime` wants it: exactly six digits. */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace("Z", "000Z");
