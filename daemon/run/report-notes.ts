/**
 * What gateways and relays see, as facts for reports to others.
 *
 * In:     a judged message or a session, and what counts.
 * Out:    nothing where nobody reports.
 */
import type { DmarcFact } from "../accept/dmarc-fact.ts";
import type { TlsSession } from "../deliver/tls-watch.ts";
import type { LiveDirectory } from "../directory/directory.ts";
import type { TlsRow } from "../mail/report/tls.ts";
import type { Note } from "../reports/recorder.ts";

export const noteDmarc = ({ namespace, from, policy, row }: DmarcFact, note: Note): void =>
  note("dmarc", namespace, {
    from,
    domain: policy.domain,
    head: JSON.stringify(policy),
    row: JSON.stringify(row),
  });

export function noteTls(
  { policy, domain, seen, failure }: TlsSession,
  live: Pick<LiveDirectory, "current">,
  note: Note,
): void {
  const from = live.current().policy(policy)?.tlsReports?.from;
  if (from === undefined) return;
  const row: TlsRow = failure ? { policy: seen, failure } : { policy: seen };
  const namespace = policy.slice(0, policy.indexOf("/"));
  note("tls", namespace, { from, domain, head: "", row: JSON.stringify(row) });
}
