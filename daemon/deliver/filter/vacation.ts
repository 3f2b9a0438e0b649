/**
 * Automatic answers of people who are away.
 *
 * In:     what the script says, the message, whose mailbox it is.
 * Out:    whether an answer is in place, and the answer.
 * Spec:   RFC 5230 §4.5 (only to who wrote to this address), §4.6 (never to lists, programs, bounces), §5 (the answer);
 *         RFC 3834 §2 (never answer an automatic message), §3.1.7 (Auto-Submitted).
 */
import { createHash } from "node:crypto";
import { type Address, parseAddress } from "../../mail/address.ts";
import { encodedWords } from "../../mail/encoded-words.ts";
import { asciiLine, oneLine } from "../../mail/text.ts";
import { mailDate } from "../../mail/trace.ts";
import type { SieveMessage } from "../../sieve/run.ts";
import type { Vacation } from "../../sieve/script.ts";

const silentNames =
  /^(?:mailer-daemon|listserv|majordomo|owner-.*|.*-request|.*-owner|.*-bounces?|no-?reply)$/i;
const listFields = ["list-id", "list-help", "list-subscribe", "list-unsubscribe", "list-post", "list-owner"];
const addressedIn = ["to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"];

/** Whom to answer, or nobody. */
export function answerTo(
  vacation: Vacation,
  message: SieveMessage,
  own: readonly string[],
): Address | undefined {
  const sender = parseAddress(message.envelope.from);
  if (sender === undefined || silentNames.test(sender.slice(0, sender.lastIndexOf("@")))) return undefined;
  const mine = new Set(
    [...own, ...vacation.addresses, message.envelope.to].map((text) => text.toLowerCase()),
  );
  if (mine.has(sender.toLowerCase())) return undefined;
  if (listFields.some((name) => message.header(name).length > 0)) return undefined;
  if (message.header("precedence").some((value) => /^(bulk|list|junk)$/i.test(value))) return undefined;
  if (message.header("auto-submitted").some((value) => !/^no\b/i.test(value))) return undefined;
  if (message.header("x-auto-response-suppress").some((value) => /oof|all|autoreply/i.test(value)))
    return undefined;
  const named = addressedIn
    .flatMap((name) => message.addresses(name))
    .some((to) => mine.has(to.toLowerCase()));
  return named ? sender : undefined;
}

/** One answer in `days` for each sender and each kind of answer. RFC 5230 §4.2 */
export const vacationKey = ({ handle }: Vacation, sender: Address): string =>
  createHash("sha256").update(`${handle}\0${sender.toLowerCase()}`).digest("base64url").slice(0, 22);

export interface Answer {
  readonly vacation: Vacation;
  readonly message: SieveMessage;
  readonly to: Address;
  /** The mailbox's address. */
  readonly own: Address;
  readonly messageId: string;
  readonly now: number;
}

/** The whole message, CRLF-ended. */
export function vacationMessage({ vacation, message, to, own, messageId, now }: Answer): Buffer {
  const [original = ""] = message.header("subject");
  const subject = vacation.subject ?? `Auto: ${original}`;
  const [answered] = message.header("message-id");
  const references = [...message.header("references"), answered ?? ""]
    .join(" ")
    .split(/\s+/)
    .filter(isMessageId);
  const lines = [
    `From: ${vacation.from === undefined ? own : asciiLine(vacation.from, 500)}`,
    `To: ${to}`,
    `Subject: ${encodedWords(oneLine(subject, 500))}`,
    `Date: ${mailDate(now)}`,
    `Message-ID: <${messageId}>`,
    ...(answered !== undefined && isMessageId(answered) ? [`In-Reply-To: ${answered}`] : []),
    ...(references.length > 0 ? [`References: ${references.slice(-20).join("\r\n ")}`] : []),
    "Auto-Submitted: auto-replied (vacation)",
    "X-Auto-Response-Suppress: All",
    "MIME-Version: 1.0",
  ];
  const body = vacation.mime
    ? crlf(vacation.reason)
    : `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(vacation.reason)}`;
  return Buffer.from(`${lines.join("\r\n")}\r\n${body}`);
}

const isMessageId = (text: string): boolean => /^<[\x21-\x3b\x3d\x3f-\x7e]{1,400}>$/.test(text);
const crlf = (text: string): string => `${text.replace(/\r?\n/g, "\r\n").replace(/(?:\r\n)*$/, "")}\r\n`;
const base64 = (text: string): string =>
  `${Buffer.from(crlf(text))
    .toString("base64")
    .replace(/.{76}(?=.)/g, "$&\r\n")}\r\n`;
