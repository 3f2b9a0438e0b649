/**
 * The DNS port: what routing asks of the domain name system. `daemon/dns` implements it.
 *
 * A method rejects only when the caller's signal aborts; every trouble of the DNS itself is an answer. "No such name"
 * and "no answer now" are told apart, because the first bounces a message and the second only delays it.
 *
 * Spec: RFC 1035, RFC 2308 (what a negative answer means), RFC 5321 §5.1 (how mail uses the answers).
 */
export type Answer<T> =
  | {
      readonly kind: "found";
      /** Never empty. */
      readonly records: readonly T[];
      readonly ttlMs: number;
      /** The resolver vouches by DNSSEC for the whole answer (AD bit). RFC 4035 §3.2.3 */
      readonly authentic: boolean;
    }
  /** The name exists and has no record of this type (NODATA). */
  | { readonly kind: "none"; readonly ttlMs: number }
  /** The name does not exist. */
  | { readonly kind: "nxdomain"; readonly ttlMs: number }
  /** SERVFAIL, REFUSED, time-out or nonsense: nothing is known. `text` is fit for a bounce's diagnostic. */
  | { readonly kind: "failed"; readonly text: string };

export interface Mx {
  readonly preference: number;
  /** Lower-case, without the final dot; `""` is the root: a null MX. RFC 7505 §3 */
  readonly host: string;
}

export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface Dns {
  mx(domain: string, signal: AbortSignal): Promise<Answer<Mx>>;
  /** A and AAAA, asked for together; `found` when either has records. */
  addresses(host: string, signal: AbortSignal): Promise<Answer<HostAddress>>;
  /** Each record's character strings, joined. RFC 7208 §3.3 */
  txt(name: string, signal: AbortSignal): Promise<Answer<string>>;
}
