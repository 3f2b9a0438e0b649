/**
 * A report as a message: a few words for people, and the report itself, packed.
 *
 * In:     who reports to whom about which domain, and the packed report.
 * Out:    octets of 7 bits with CRLF line ends.
 * Fails:  never. The words in header fields are domains, addresses and ids of ours, an organisation's name is encoded.
 * Spec:   RFC 7489 §7.2.1.1 (subject and file name); RFC 8460 §5.3 (message), §5.1 (file name); RFC 6522 §3; RFC 3834 §5;
 *         RFC 2047 §2; RFC 8689 §5 (`TLS-Required: No`).
 */
import { isAscii } from "../../kit/ascii.ts";
import { type Address, domainOf } from "../address.ts";
import { mailDate, receivedHeader } from "../trace.ts";
import { type Day, dayEnd, dayStart } from "./day.ts";

export interface ReportLetter {
  readonly kind: "dmarc" | "tls";
  /** The message's own id. */
  readonly message: string;
  readonly from: Address;
  readonly organization: string;
  readonly to: Address;
  /** Whom the report is about. */
  readonly domain: string;
  readonly day: Day;
  readonly reportId: string;
  /** Our host, for Received. */
  readonly hostname: string;
  readonly at: number;
  /** gzip */
  readonly packed: Uint8Array;
}

const types = { dmarc: "application/gzip", tls: "application/tlsrpt+gzip" } as const;
const suffixes = { dmarc: "xml.gz", tls: "json.gz" } as const;
const about = { dmarc: "DMARC aggregate report", tls: "TLS report" } as const;

/** `receiver!domain!begin!end.xml.gz` */
function reportFileName({ kind, from, domain, day }: ReportLetter): string {
  const times = `${dayStart(day) / 1_000}!${dayEnd(day) / 1_000 - 1}`;
  return `${domainOf(from)}!${domain}!${times}.${suffixes[kind]}`;
}

export function reportMessage(letter: ReportLetter): Buffer {
  const boundary = `=_${letter.message}`;
  const words =
    `This is a ${about[letter.kind]} for ${letter.domain}, for ${letter.day} (UTC), from ${domainOf(letter.from)}.\r\n` +
    "It is made for programs: the attachment holds it. It tells of sums, not of single messages.\r\n";
  const parts = [
    `${headerFields(letter, boundary).join("\r\n")}\r\n\r\n`,
    `--${boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n${words}`,
    `\r\n--${boundary}\r\nContent-Type: ${types[letter.kind]}\r\n`,
    `Content-Disposition: attachment;\r\n filename="${reportFileName(letter)}"\r\n`,
    `Content-Transfer-Encoding: base64\r\n\r\n${lines(letter.packed)}\r\n--${boundary}--\r\n`,
  ];
  return Buffer.from(parts.join(""), "latin1");
}

function headerFields(letter: ReportLetter, boundary: string): string[] {
  const { kind, from, organization, to, domain, reportId, hostname, at, message } = letter;
  const submitter = domainOf(from);
  const origin = { client: "local", helo: "", protocol: "local" } as const;
  const tls = [
    `TLS-Report-Domain: ${domain}`,
    `TLS-Report-Submitter: ${submitter}`,
    // What is wrong with the domain's TLS is what the report tells.
    "TLS-Required: No",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type="tlsrpt";\r\n boundary="${boundary}"`,
  ];
  const dmarc = ["MIME-Version: 1.0", `Content-Type: multipart/mixed;\r\n boundary="${boundary}"`];
  return [
    receivedHeader({ origin, host: hostname, id: message, at }).trimEnd(),
    `From: ${displayName(organization)} <${from}>`,
    `To: <${to}>`,
    `Subject: Report Domain: ${domain}\r\n Submitter: ${submitter}\r\n Report-ID: <${reportId}>`,
    `Date: ${mailDate(at)}`,
    `Message-ID: <${message}@${submitter}>`,
    "Auto-Submitted: auto-generated",
    ...(kind === "tls" ? tls : dmarc),
  ];
}

/** A quoted string, or encoded words of at most 75 characters. */
function displayName(name: string): string {
  if (isAscii(name)) return `"${name.replace(/[\\"]/g, "\\$&")}"`;
  const words: string[] = [];
  let word = "";
  for (const character of name) {
    if (Buffer.byteLength(word + character) > 42) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((text) => `=?utf-8?B?${Buffer.from(text).toString("base64")}?=`).join("\r\n ");
}

const lines = (octets: Uint8Array): string =>
  (
    Buffer.from(octets)
      .toString("base64")
      .match(/.{1,76}/g) ?? []
  ).join("\r\n");
