/**
 * A folder with messages, as an IMAP client has selected it; and messages to put into it.
 */
import { type Client, type Stage, stage } from "./imap-session.ts";
import { calm, delivery } from "./mailboxes.ts";

/** With encodings, an attachment and a message inside. */
export const nested = [
  "Date: Tue, 1 Jul 2025 10:00:00 +0200",
  "From: =?utf-8?q?J=C3=B6rg?= <joerg@example.test>",
  "To: bob@example.org",
  "Cc: eve@example.test",
  "Subject: =?utf-8?b?R3LDvMOfZQ==?= from here",
  "Message-ID: <n1@example.test>",
  "X-Color: dark blue",
  "MIME-Version: 1.0",
  'Content-Type: multipart/mixed; boundary="b1"',
  "",
  "preamble",
  "--b1",
  "Content-Type: text/plain; charset=iso-8859-1",
  "Content-Transfer-Encoding: quoted-printable",
  "",
  "Sch=F6ne Gr=FC=",
  "=DFe",
  "--b1",
  'Content-Type: application/octet-stream; name="x.bin"',
  "Content-Transfer-Encoding: base64",
  'Content-Disposition: attachment; filename="x.bin"',
  "",
  "AAECAwQF",
  "BgcICQ==",
  "--b1",
  "Content-Type: message/rfc822",
  "",
  "Subject: inner",
  "From: i@example.test",
  "",
  "inner text",
  "--b1--",
  "",
].join("\r\n");

export const plain = (subject: string, more = "") =>
  `From: a@example.test\r\nSubject: ${subject}\r\n${more}\r\nThe text of ${subject}.\r\n`;

/** A folder with these messages, selected. */
export async function folder(...texts: string[]): Promise<{ here: Stage; client: Client }> {
  const here = stage();
  for (const text of texts) await here.store.deliver(delivery(text, { prefix: "" }), calm);
  return { here, client: await here.connect().bring("selected") };
}
