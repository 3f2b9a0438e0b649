/**
 * The part of a DSN that programs read: message/delivery-status, or message/global-delivery-status.
 *
 * In:     a report; every string in it may be a stranger's.
 * Out:    fields in groups, CRLF-ended; ASCII unless `utf8`.
 * Fails:  never.
 * Spec:   RFC 3464 §2; RFC 6533 §3, §5; RFC 3463 §2.
 */
import { asciiLine, oneLine } from "../text.ts";
import { mailDate } from "../trace.ts";
import { field, typedAddress } from "./encode.ts";
import type { Action, Report, ReportedRecipient } from "./report.ts";

const textKept = 1_000;

export function deliveryStatus(report: Report, utf8: boolean): string {
  const groups = report.recipients.map((recipient) => recipientFields(report, recipient, utf8));
  return [messageFields(report), ...groups].join("\r\n");
}

/** RFC 3464 §2.2 */
function messageFields({ message, reportingMta }: Report): string {
  const envid = asciiLine(message.envid ?? "", 200);
  return (
    (envid === "" ? "" : field("Original-Envelope-Id", envid)) +
    field("Reporting-MTA", `dns; ${asciiLine(reportingMta, 255)}`) +
    field("Arrival-Date", mailDate(message.queuedAt)) +
    field("X-Postfleet-Message", asciiLine(message.id, 64))
  );
}

/** RFC 3464 §2.3 */
function recipientFields(report: Report, reported: ReportedRecipient, utf8: boolean): string {
  const { recipient, action, remote } = reported;
  const { orcpt, address } = recipient;
  return (
    (orcpt === undefined ? "" : field("Original-Recipient", typedAddress(orcpt.type, orcpt.address, utf8))) +
    field("Final-Recipient", typedAddress("rfc822", address, utf8)) +
    field("Action", action) +
    field("Status", statusOf(reported)) +
    (remote === undefined ? "" : field("Remote-MTA", `dns; ${asciiLine(remote.name, 255)}`)) +
    field("Diagnostic-Code", diagnostic(reported, utf8)) +
    field("Last-Attempt-Date", mailDate(report.at)) +
    (report.retryUntil === undefined || action !== "delayed"
      ? ""
      : field("Will-Retry-Until", mailDate(report.retryUntil)))
  );
}

const classes: Readonly<Record<Action, "2" | "4" | "5">> = {
  failed: "5",
  delayed: "4",
  delivered: "2",
  relayed: "2",
  expanded: "2",
};

/** Action and the status code's class must agree, whatever the remote server said. RFC 3464 §2.3.4 */
function statusOf({ action, reply, cause }: ReportedRecipient): string {
  if (cause === "expired") return "5.4.7"; // RFC 3463 §3.5: delivery time expired
  const rest = /^[245](\.\d{1,3}\.\d{1,3})$/.exec(reply.enhanced)?.[1] ?? ".0.0";
  return classes[action] + rest;
}

/** RFC 3464 §2.3.6; a type of our own for what no SMTP server said. */
function diagnostic({ reply, remote }: ReportedRecipient, utf8: boolean): string {
  const answer = `${reply.code} ${reply.enhanced} ${reply.text}`;
  const line = utf8 ? oneLine(answer, textKept) : asciiLine(answer, textKept);
  return `${remote === undefined ? "x-postfleet" : "smtp"}; ${line}`;
}
