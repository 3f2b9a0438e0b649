/**
 * What a report on TLS tells: which policy a domain had, how many sessions went well, and how the others failed.
 *
 * In:     a report, whose words strangers chose: JSON keeps them in their places.
 * Out:    JSON.
 * Spec:   RFC 8460 §4.3 (result types), §4.4 (schema).
 */

export type TlsTrouble =
  | "starttls-not-supported"
  | "certificate-host-mismatch"
  | "certificate-expired"
  | "certificate-not-trusted"
  | "validation-failure"
  | "tlsa-invalid"
  | "dnssec-invalid"
  | "sts-policy-fetch-error"
  | "sts-policy-invalid"
  | "sts-webpki-invalid";

/** What held for a session. */
export interface TlsPolicySeen {
  readonly type: "tlsa" | "sts" | "no-policy-found";
  /** The lines of an MTA-STS policy, or TLSA records as in a zone file. */
  readonly strings: readonly string[];
  /** Hosts that an MTA-STS policy names. */
  readonly mx: readonly string[];
}

export interface TlsFailure {
  readonly type: TlsTrouble;
  readonly sender?: string;
  readonly mx?: string;
  readonly receiver?: string;
  /** Such as the code of a TLS library. */
  readonly reason?: string;
}

/** Sessions that differ in none of this are one row. */
export interface TlsRow {
  readonly policy: TlsPolicySeen;
  readonly failure?: TlsFailure;
}

export interface TlsReport {
  readonly organization: string;
  readonly contact: string;
  readonly id: string;
  readonly domain: string;
  readonly day: string;
  readonly rows: readonly { readonly row: TlsRow; readonly count: number }[];
}

export function tlsJson({ organization, contact, id, domain, day, rows }: TlsReport): string {
  const policies = new Map<
    string,
    { readonly policy: TlsPolicySeen; readonly rows: TlsReport["rows"][number][] }
  >();
  for (const one of rows) {
    const { policy } = one.row;
    const key = JSON.stringify([policy.type, policy.strings, policy.mx]);
    const known = policies.get(key) ?? { policy, rows: [] };
    policies.set(key, known);
    known.rows.push(one);
  }
  const report = {
    "organization-name": organization,
    "date-range": { "start-datetime": `${day}T00:00:00Z`, "end-datetime": `${day}T23:59:59Z` },
    "contact-info": contact,
    "report-id": id,
    policies: [...policies.values()].map((one) => policyJson(domain, one.policy, one.rows)),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function policyJson(domain: string, policy: TlsPolicySeen, rows: TlsReport["rows"]) {
  const failed = rows.filter(({ row }) => row.failure !== undefined);
  return {
    policy: {
      "policy-type": policy.type,
      ...(policy.strings.length > 0 ? { "policy-string": policy.strings } : {}),
      "policy-domain": domain,
      ...(policy.mx.length > 0 ? { "mx-host": policy.mx } : {}),
    },
    summary: {
      "total-successful-session-count": sum(rows) - sum(failed),
      "total-failure-session-count": sum(failed),
    },
    ...(failed.length > 0
      ? { "failure-details": failed.map(({ row, count }) => detail(row.failure, count)) }
      : {}),
  };
}

const detail = (failure: TlsFailure | undefined, count: number) => ({
  "result-type": failure?.type,
  "sending-mta-ip": failure?.sender,
  "receiving-mx-hostname": failure?.mx,
  "receiving-ip": failure?.receiver,
  "failed-session-count": count,
  "failure-reason-code": failure?.reason,
});

const sum = (rows: TlsReport["rows"]): number => rows.reduce((all, { count }) => all + count, 0);
