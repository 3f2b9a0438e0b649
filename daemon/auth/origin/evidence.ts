/**
 * What was found out about where a message comes from.
 *
 * Spec:   result words of RFC 8601 §2.7; DMARC of RFC 7489 (`pct`) and RFC 9989.
 */
export type SpfResult = "none" | "neutral" | "pass" | "fail" | "softfail" | "temperror" | "permerror";
export type DkimResult = "none" | "pass" | "fail" | "policy" | "neutral" | "temperror" | "permerror";
export type DmarcResult = "none" | "pass" | "fail" | "temperror" | "permerror";
export type ArcResult = "none" | "pass" | "fail" | "temperror";
export type DmarcPolicy = "none" | "quarantine" | "reject";

export interface SpfEvidence {
  readonly result: SpfResult;
  /** Whose record was asked: that of the reverse-path, or of HELO for a null one. */
  readonly identity: "mailfrom" | "helo";
  readonly domain: string;
}

export interface DkimEvidence {
  readonly result: DkimResult;
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: string;
  /** The signature's first characters, which tell it from others. RFC 6008 §4 */
  readonly mark: string;
}

export interface DmarcEvidence {
  readonly result: DmarcResult;
  /** Of the From field; empty when there is not just one. */
  readonly domain: string;
  /** What the domain asks for, by `sp` for a subdomain, after sampling by `pct`. */
  readonly policy: DmarcPolicy;
  /** What reports tell, where there is a record. */
  readonly found?: DmarcFound;
}

export interface DmarcFound {
  /** Where the record is. */
  readonly domain: string;
  readonly record: string;
  readonly p: DmarcPolicy;
  readonly sp: DmarcPolicy;
  readonly strict: { readonly spf: boolean; readonly dkim: boolean };
  /** Which of them passed, and speaks of the domain in From. */
  readonly aligned: { readonly spf: boolean; readonly dkim: boolean };
  readonly sampledOut: boolean;
}

export interface Evidence {
  readonly spf: SpfEvidence;
  /** In order of appearance; empty when it is not signed. */
  readonly dkim: readonly DkimEvidence[];
  readonly dmarc: DmarcEvidence;
  readonly arc: ArcResult;
}
