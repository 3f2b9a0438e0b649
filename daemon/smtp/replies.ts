/**
 * The engine's own replies, and how any reply is put on the wire.
 *
 * Out:   ASCII lines of at most 512 octets, each with its CRLF (RFC 5321 §4.5.3.1.5), the enhanced status code on
 *        every line (RFC 2034 §4). Text can never start a line of its own making: control characters become spaces.
 * Spec:  RFC 5321 §4.2, §4.3.2; RFC 3463; RFC 5248.
 */
import { type Reply, reply } from "../mail/reply.ts";

const replyLineOctets = 512; // RFC 5321 §4.5.3.1.5
const maxLines = 50;

/** A reply with a code but without an enhanced one: greetings and intermediate replies. RFC 2034 §4 */
export const bare = (code: number, text: string): Reply => reply(code, "", text);

/** The octets of a reply. */
export function encodeReply({ code, enhanced, text }: Reply): string {
  const status = enhanced === "" ? "" : `${enhanced} `;
  const room = replyLineOctets - 2 - 4 - status.length;
  if (text.length <= room && plain.test(text)) return `${code} ${status}${text}\r\n`;
  const lines = text
    .split(/\r?\n/)
    .flatMap((line) => fold(printable(line), room))
    .slice(0, maxLines);
  return lines.map((line, i) => `${code}${i < lines.length - 1 ? "-" : " "}${status}${line}\r\n`).join("");
}

const plain = /^[ -~]*$/;
const printable = (line: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  plain.test(line) ? line : line.replace(/[\x00-\x1f\x7f]/g, " ").replace(/[^ -~]/gu, "?");

/** Cuts a line at spaces where it has some, else where it must. */
function fold(line: string, room: number): string[] {
  const parts: string[] = [];
  let rest = line;
  while (rest.length > room) {
    const space = rest.lastIndexOf(" ", room);
    const cut = space > 0 ? space : room;
    parts.push(rest.slice(0, cut));
    rest = rest.slice(space > 0 ? cut + 1 : cut);
  }
  parts.push(rest);
  return parts;
}

/** `Reply` that an error carries (`QueueError` and its kin), or the general one for a fault on our side. */
export function replyOf(error: unknown): { readonly reply: Reply; readonly expected: boolean } {
  const carried = error instanceof Error && "reply" in error ? error.reply : undefined;
  return isReply(carried) ? { reply: carried, expected: true } : { reply: replies.ourFault, expected: false };
}

const isReply = (value: unknown): value is Reply =>
  typeof value === "object" &&
  value !== null &&
  "code" in value &&
  typeof value.code === "number" &&
  "text" in value;

export const replies = {
  ok: reply(250, "2.0.0", "OK"),
  bye: reply(221, "2.0.0", "Bye"),
  senderOk: reply(250, "2.1.0", "Sender OK"),
  recipientOk: reply(250, "2.1.5", "Recipient OK"),
  help: reply(214, "2.0.0", "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH QUIT; see RFC 5321"),
  cannotVerify: reply(252, "2.5.0", "Cannot VRFY the user, but will take a message and attempt delivery"),
  goAhead: bare(354, "End data with <CR><LF>.<CR><LF>"),
  startTls: reply(220, "2.0.0", "Ready to start TLS"),
  loggedIn: reply(235, "2.7.0", "Authentication succeeded"),

  shuttingDown: reply(421, "4.3.2", "The service is shutting down, please try again shortly"),
  timeout: reply(421, "4.4.2", "Time-out waiting for the client"),
  tooManyErrors: reply(421, "4.7.0", "Too many errors"),
  tooManyIdle: reply(421, "4.7.0", "Too many commands without a message"),
  notHttp: reply(421, "4.7.0", "This is SMTP, not HTTP"),
  ourFault: reply(451, "4.3.0", "Local error in processing, please try again later"),
  tooManyRecipients: reply(
    452,
    "4.5.3",
    "Too many recipients in one transaction, send the others in another",
  ),
  tlsUnavailable: reply(454, "4.7.0", "TLS is not available at the moment"),

  unknown: reply(500, "5.5.1", "Command not recognised"),
  bareNewline: reply(
    500,
    "5.5.2",
    "A command line ends with CR LF and holds no other CR or LF (RFC 5321, section 2.3.8)",
  ),
  lineTooLong: reply(500, "5.5.6", "Line too long"),
  notUtf8: reply(500, "5.5.2", "The command is neither ASCII nor UTF-8"),
  empty: reply(500, "5.5.2", "Empty command"),
  noArgument: reply(501, "5.5.4", "The command takes no argument"),
  heloSyntax: reply(501, "5.5.2", "Syntax: EHLO host-name-or-address-literal"),
  mailSyntax: reply(501, "5.5.2", "Syntax: MAIL FROM:<address> [parameters]"),
  rcptSyntax: reply(501, "5.5.2", "Syntax: RCPT TO:<address> [parameters]"),
  bdatSyntax: reply(
    501,
    "5.5.4",
    "Syntax: BDAT size [LAST]; closing, since the octets that follow cannot be told",
  ),
  authSyntax: reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]"),
  vrfySyntax: reply(501, "5.5.4", "Syntax: VRFY string"),
  badSender: reply(501, "5.1.7", "Bad sender address syntax"),
  badRecipient: reply(501, "5.1.3", "Bad recipient address syntax"),
  badBase64: reply(501, "5.5.2", "The response is not valid base64"),
  badCredentials: reply(501, "5.5.2", "The response does not hold a login"),
  cancelled: reply(501, "5.7.0", "Authentication cancelled"),
  notImplemented: reply(502, "5.5.1", "Command not implemented"),
  heloFirst: reply(503, "5.5.1", "Say EHLO first"),
  mailFirst: reply(503, "5.5.1", "MAIL comes first"),
  rcptFirst: reply(503, "5.5.1", "RCPT comes first"),
  nestedMail: reply(503, "5.5.1", "A transaction is open already, RSET ends it"),
  chunksOpen: reply(503, "5.5.1", "The message is being sent by BDAT, only BDAT or RSET may follow"),
  chunksFailed: reply(503, "5.5.1", "An earlier BDAT failed, RSET comes first"),
  alreadySecure: reply(503, "5.5.1", "TLS is in force already"),
  alreadyLoggedIn: reply(503, "5.5.1", "Authenticated already"),
  authInTransaction: reply(503, "5.5.1", "AUTH is not allowed within a transaction"),
  unknownMechanism: reply(504, "5.5.4", "Authentication mechanism not offered"),
  needsTls: reply(538, "5.7.11", "Encryption is required for authentication, say STARTTLS first"),
  spokeFirst: reply(554, "5.5.1", "You spoke before our greeting, wait for it"),
  noRecipients: reply(554, "5.5.1", "No valid recipients"),
  bareInMessage: reply(
    550,
    "5.6.0",
    "Bare LF/CR is not allowed (RFC 5321, section 2.3.8): lines of a message end with CR LF",
  ),
  tooLarge: (limit: number) => reply(552, "5.3.4", `Message exceeds the limit of ${limit} octets`),
  utf8Sender: reply(550, "5.6.7", "A non-ASCII sender address needs the parameter SMTPUTF8"),
  utf8Recipient: reply(553, "5.6.7", "A non-ASCII recipient address needs SMTPUTF8 at MAIL"),
  parameter: (name: string) =>
    reply(555, "5.5.4", `Parameter not recognised or given twice: ${name.slice(0, 40)}`),
  badValue: (name: string) => reply(501, "5.5.4", `Bad value of parameter ${name}`),
} as const;
