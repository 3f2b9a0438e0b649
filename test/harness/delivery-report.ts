/**
 * Delivery reports as another host writes them (RFC 3464), by our own hand: the judge of what reads them.
 *
 * In:     the copy of the message that bounced.
 * Out:    a message with CRLF line ends.
 */
export interface ReturnedGiven {
  readonly original: string;
  readonly action?: string;
  readonly status?: string;
  readonly diagnostic?: string | undefined;
  readonly reportType?: string;
  /** Further groups of fields. */
  readonly more?: string;
  readonly to?: string;
}

export function deliveryReport(given: ReturnedGiven): string {
  const { original, action = "failed", status = "5.1.1", reportType = "delivery-status" } = given;
  const { more = "", to = "sender@home.example" } = given;
  const diagnostic = "diagnostic" in given ? given.diagnostic : "smtp; 550 5.1.1 User unknown";
  return [
    "From: MAILER-DAEMON@smarthost.example",
    `To: <${to}>`,
    "Subject: Undelivered Mail Returned to Sender",
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=${reportType}; boundary="9B095B5ADF/smarthost.example"`,
    "",
    "--9B095B5ADF/smarthost.example",
    "Content-Type: text/plain; charset=us-ascii",
    "",
    "I'm sorry to have to inform you that your message could not be delivered.",
    "",
    "--9B095B5ADF/smarthost.example",
    "Content-Type: message/delivery-status",
    "",
    "Reporting-MTA: dns; smarthost.example",
    "Arrival-Date: Sun, 29 Nov 2026 10:00:00 +0000",
    "",
    "Final-Recipient: rfc822; somebody-else@victim.example",
    `Action: ${action}`,
    `Status: ${status}`,
    ...(diagnostic === undefined ? [] : [`Diagnostic-Code: ${diagnostic}`]),
    "",
    `${more}--9B095B5ADF/smarthost.example`,
    "Content-Type: message/rfc822",
    "",
    original,
    "--9B095B5ADF/smarthost.example--",
    "",
  ].join("\r\n");
}
