/**
 * What a DMARC aggregate report tells: the policy that was found, and how many messages fared alike.
 *
 * Spec:   RFC 7489 §7.2, appendix C.
 */

export type Disposition = "none" | "quarantine" | "reject";
export type Aligned = "pass" | "fail";

/** As it was found in the DNS, with what holds where it says nothing. RFC 7489 §6.3 */
export interface PublishedPolicy {
  /** Where the record is: the domain in From, or the one it belongs to. */
  readonly domain: string;
  readonly adkim: "r" | "s";
  readonly aspf: "r" | "s";
  readonly p: Disposition;
  readonly sp: Disposition;
  readonly pct: number;
  readonly fo: string;
}

export interface OverrideReason {
  readonly type: "sampled_out" | "local_policy";
  readonly comment?: string;
}

/** Messages that differ in none of this are one row. */
export interface DmarcRow {
  readonly ip: string;
  readonly disposition: Disposition;
  readonly dkim: Aligned;
  readonly spf: Aligned;
  readonly reasons: readonly OverrideReason[];
  readonly headerFrom: string;
  /** The domain of the reverse-path; empty for a null one. */
  readonly envelopeFrom: string;
  readonly signatures: readonly {
    readonly domain: string;
    readonly selector: string;
    readonly result: string;
  }[];
  readonly sender: { readonly domain: string; readonly scope: "helo" | "mfrom"; readonly result: string };
}

export interface DmarcReport {
  readonly organization: string;
  readonly email: string;
  readonly id: string;
  /** Seconds since the epoch; the last second of the day is part of it. */
  readonly begin: number;
  readonly end: number;
  readonly policy: PublishedPolicy;
  readonly rows: readonly { readonly row: DmarcRow; readonly count: number }[];
  /** What the reader should know of the report itself. */
  readonly errors: readonly string[];
}
