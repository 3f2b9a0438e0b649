/**
 * Reports of abuse as providers write them (RFC 5965), by our own hand: the judge of what reads them.
 *
 * In:     the copy of the message that is complained about, whole or its header section.
 * Out:    a message with CRLF line ends.
 */
export interface ReportGiven {
  readonly original: string;
  readonly type?: string;
  /** How the third part is labelled. */
  readonly as?: "message/rfc822" | "text/rfc822-headers";
  readonly encoding?: "7bit" | "base64" | "quoted-printable";
  readonly reportType?: string;
  readonly to?: string;
}

export function abuseReport(given: ReportGiven): string {
  const { original, type = "abuse", as = "message/rfc822", encoding = "7bit" } = given;
  const { reportType = "feedback-report", to = "complaints@home.example" } = given;
  return [
    "From: <fbl@provider.example>",
    `To: <${to}>`,
    "Subject: FW: a message",
    "Date: Sun, 29 Nov 2026 10:00:00 +0000",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=${reportType};`,
    '     boundary="part1_13d.2e68ed54_boundary"',
    "",
    "--part1_13d.2e68ed54_boundary",
    'Content-Type: text/plain; charset="US-ASCII"',
    "",
    "This is an email abuse report for a message received from IP address 192.0.2.1.",
    "",
    "--part1_13d.2e68ed54_boundary",
    "Content-Type: message/feedback-report",
    "",
    `Feedback-Type: ${type}`,
    "User-Agent: SomeGenerator/1.0",
    "Version: 1",
    "Original-Rcpt-To: <somebody-else@victim.example>",
    "",
    "--part1_13d.2e68ed54_boundary",
    `Content-Type: ${as}`,
    `Content-Transfer-Encoding: ${encoding}`,
    "",
    encoded(original, encoding),
    "--part1_13d.2e68ed54_boundary--",
    "",
  ].join("\r\n");
}

function encoded(text: string, encoding: string): string {
  if (encoding === "base64")
    return (
      Buffer.from(text)
        .toString("base64")
        .match(/.{1,76}/g) ?? []
    ).join("\r\n");
  return encoding === "quoted-printable" ? text.replaceAll("=", "=3D").replaceAll("_", "=5F") : text;
}
