/**
 * The DNS records that a mail domain needs, as its owner should publish them. Pure: the operator's status, the command
 * line and the tests all ask here.
 *
 * In:     `DomainFacts`: names in A-label form, without final dots.
 * Out:    `WantedRecord`s in the order in which people set them up; values as a zone file writes them, but for quotes.
 * Spec:   RFC 5321 §5 (MX), RFC 7208 (SPF), RFC 6376 §3.6 (DKIM), RFC 7489 §6.3 (DMARC), RFC 8461 §3.1 (MTA-STS),
 *         RFC 8460 §3 (TLS-RPT), RFC 6186 and RFC 8314 §5.1 (SRV records by which mail programs find their server).
 */
import { dkimRecordName } from "../dkim/keys.ts";

export type RecordType = "MX" | "TXT" | "SRV" | "CNAME";
/** What a record is for; several records may serve one purpose. */
export type Purpose = "mx" | "spf" | "dkim" | "dmarc" | "mtaSts" | "mtaStsHost" | "tlsReporting" | "service";

export interface WantedRecord {
  readonly type: RecordType;
  readonly name: string;
  /** `10 mx.example.org`, `v=spf1 mx ~all`, `0 1 993 mail.example.org`: host names without final dots. */
  readonly value: string;
  readonly purpose: Purpose;
  /** Without it mail does not arrive, or others do not accept it. What is not needed is good to have. */
  readonly needed: boolean;
}

export type DmarcPolicy = "none" | "quarantine" | "reject";

export interface DomainFacts {
  readonly domain: string;
  /** The public names of our gateways, best first. */
  readonly mailHosts: readonly string[];
  /** Where mail programs connect; the first of `mailHosts` unless it is said. */
  readonly clientHost?: string;
  /** What may send for the domain, as SPF terms such as `mx`, `ip4:192.0.2.1`, `include:spf.example.net`. */
  readonly senders?: readonly string[];
  /** All keys that are or were in use: `record` is the text of `dkimRecord`. */
  readonly dkim?: readonly { readonly selector: string; readonly record: string }[];
  readonly dmarc?: { readonly policy?: DmarcPolicy; readonly reportTo?: string };
  /** Our MTA-STS policy's id; absent: none is served. */
  readonly mtaStsId?: string;
  /** Where TLS reports go: a mail address, or an https address. */
  readonly tlsReportTo?: string;
  /** Whether mail programs get at mailboxes here; without them there is nothing to find. */
  readonly mailboxes?: boolean;
}

export function wantedRecords(facts: DomainFacts): readonly WantedRecord[] {
  const { domain, mailHosts, senders = ["mx"], dkim = [], mtaStsId, tlsReportTo, mailboxes = true } = facts;
  const txt = (name: string, value: string, purpose: Purpose, needed: boolean): WantedRecord => ({
    type: "TXT",
    name,
    value,
    purpose,
    needed,
  });
  const records: WantedRecord[] = mailHosts.map((host, i) => ({
    type: "MX",
    name: domain,
    value: `${10 * (i + 1)} ${host}`,
    purpose: "mx",
    needed: true,
  }));
  records.push(txt(domain, ["v=spf1", ...senders, "~all"].join(" "), "spf", true));
  for (const { selector, record } of dkim)
    records.push(txt(dkimRecordName(selector, domain), record, "dkim", true));
  records.push(txt(`_dmarc.${domain}`, dmarcRecord(facts.dmarc), "dmarc", true));
  if (mtaStsId !== undefined) records.push(...mtaStsRecords(facts, mtaStsId));
  if (tlsReportTo !== undefined)
    records.push(txt(`_smtp._tls.${domain}`, `v=TLSRPTv1; rua=${uriOf(tlsReportTo)}`, "tlsReporting", false));
  if (mailboxes) records.push(...serviceRecords(domain, facts.clientHost ?? mailHosts[0]));
  return records;
}

function dmarcRecord({ policy = "quarantine", reportTo }: NonNullable<DomainFacts["dmarc"]> = {}): string {
  const report = reportTo === undefined ? "" : `; rua=${uriOf(reportTo)}`;
  return `v=DMARC1; p=${policy}${report}`;
}

const uriOf = (target: string): string => (/^(mailto|https):/.test(target) ? target : `mailto:${target}`);

function mtaStsRecords({ domain, mailHosts }: DomainFacts, id: string): readonly WantedRecord[] {
  const policy = {
    type: "TXT",
    name: `_mta-sts.${domain}`,
    value: `v=STSv1; id=${id}`,
    purpose: "mtaSts",
    needed: false,
  } as const;
  const [host] = mailHosts;
  if (host === undefined) return [policy];
  const server = { type: "CNAME", name: `mta-sts.${domain}`, value: host, purpose: "mtaStsHost" } as const;
  return [policy, { ...server, needed: false }];
}

/** RFC 8314 §5.1: TLS from the first octet is preferred, so the others say "not here". RFC 2782: target `.` */
const services = [
  ["_submissions._tcp", 465],
  ["_submission._tcp", 587],
  ["_imaps._tcp", 993],
  ["_imap._tcp", undefined],
  ["_pop3s._tcp", 995],
  ["_pop3._tcp", undefined],
] as const;

const serviceRecords = (domain: string, host: string | undefined): readonly WantedRecord[] =>
  host === undefined
    ? []
    : services.map(([service, port]) => ({
        type: "SRV",
        name: `${service}.${domain}`,
        value: port === undefined ? "0 0 0 ." : `0 1 ${port} ${host}`,
        purpose: "service",
        needed: false,
      }));
