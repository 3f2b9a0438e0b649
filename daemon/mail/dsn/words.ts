/**
 * The part of a DSN that people read: what happened, to whom, what to do now; then the remote server's own words.
 *
 * In:     a report.
 * Out:    text in lines of at most 76 columns, CRLF-ended, perhaps with characters outside ASCII.
 * Fails:  never.
 * Spec:   RFC 3464 §1.2 (the text is for humans), RFC 3834 §3.1.
 */
import { isAscii } from "../../kit/ascii.ts";
import { fold, oneLine, wordsOf } from "../text.ts";
import { mailDate } from "../trace.ts";
import { type Explanation, explain } from "./explain.ts";
import type { Action, Report, ReportedRecipient } from "./report.ts";

const width = 74;
const crlf = "\r\n";
const replyLines = 6;
const replyColumns = 400;
const hour = 3_600_000;

/** What stands in the third part; told, so that nobody looks for what is not there. */
export type Returned = "message" | "headers" | "nothing";

export function humanText(report: Report, returned: Returned): string {
  const blocks = [
    paragraph(`This is the mail system at ${report.reportingMta}.`),
    ...opening(report).map((sentence) => paragraph(sentence)),
    ...report.recipients.map((recipient) => recipientBlock(report, recipient)),
    facts(report),
    paragraph(closing(returned)),
  ];
  return blocks.join(crlf);
}

function paragraph(text: string, indent = ""): string {
  const [first, ...rest] = wordsOf(text);
  return first === undefined ? crlf : `${fold([indent + first, ...rest], width, crlf, indent)}${crlf}`;
}

function opening({ kind, recipients, retryUntil }: Report): string[] {
  const whom = recipients.length === 1 ? "the recipient below" : `the ${recipients.length} recipients below`;
  switch (kind) {
    case "failure":
      return [`Your message could not be delivered to ${whom}, and we have stopped trying.`];
    case "delay":
      return [
        `Your message has not been delivered yet to ${whom}. This is only a warning: YOU NEED NOT SEND YOUR MESSAGE AGAIN.`,
        `We go on trying${retryUntil === undefined ? "" : ` until ${mailDate(retryUntil)}`}, and write to you again if that fails.`,
      ];
    case "success":
      return [`You asked to hear what becomes of your message. This is what became of it for ${whom}.`];
  }
}

function recipientBlock(report: Report, recipient: ReportedRecipient): string {
  const lines = [paragraph(nameOf(recipient)), paragraph(whatHappened(report, recipient), "    ")];
  if (report.kind === "failure")
    lines.push(paragraph(`What you can do: ${explanationOf(recipient).toDo}`, "    "));
  if (report.kind !== "success" || recipient.action === "relayed") lines.push(answer(recipient));
  return lines.join(crlf);
}

/** The address that the sender used, and where it led when that is another. */
function nameOf({ recipient: { address, orcpt } }: ReportedRecipient): string {
  const final = oneLine(address, 400);
  const named = orcpt && /^(?:rfc822|utf-8)$/i.test(orcpt.type) ? oneLine(orcpt.address, 400) : final;
  return named === final ? `<${final}>` : `<${named}>, which leads to <${final}>`;
}

const fates: Readonly<Record<Exclude<Action, "failed" | "delayed">, string>> = {
  delivered: "The message is in the recipient's mailbox.",
  relayed:
    "The message was handed to the mail server below, which does not send confirmations. You may hear nothing more of it, even though it arrives.",
  expanded: "The address stands for several others. The message was sent on to all of them.",
};

function whatHappened(report: Report, recipient: ReportedRecipient): string {
  const { action, cause } = recipient;
  if (action !== "failed" && action !== "delayed") return fates[action];
  const { what } = explanationOf(recipient);
  if (cause !== "expired") return what;
  return `We tried for ${duration(report.at - report.message.queuedAt)}, without success. The last time: ${what}`;
}

const returned: Explanation = {
  what: "The people who run this mail system have returned the message.",
  toDo: "Ask them, if their reason below does not tell you enough.",
};

const explanationOf = ({ cause, reply }: ReportedRecipient): Explanation =>
  cause === "returned" ? returned : explain(reply);

/** `5 days`, `4 hours`, `20 minutes`. */
function duration(ms: number): string {
  const [count, unit] =
    ms >= 48 * hour
      ? [ms / (24 * hour), "day"]
      : ms >= 2 * hour
        ? [ms / hour, "hour"]
        : [Math.max(1, ms / 60_000), "minute"];
  const whole = Math.floor(count);
  return `${whole} ${unit}${whole === 1 ? "" : "s"}`;
}

/** The server's own words, indented, so that none of them passes for ours. */
function answer({ reply, remote }: ReportedRecipient): string {
  const address = remote?.address === undefined ? "" : ` [${oneLine(remote.address, 64)}]`;
  const who = remote
    ? `The server ${oneLine(remote.name, 255)}${address} answered:`
    : "Our mail system noted:";
  const all = `${reply.code} ${reply.enhanced} ${reply.text}`.split("\n");
  const lines = all.slice(0, replyLines).map((line) => oneLine(line, replyColumns));
  if (all.length > replyLines) lines.push("…");
  return paragraph(who, "    ") + lines.map((line) => paragraph(line, "        ")).join("");
}

function facts({ message }: Report): string {
  return (
    `Your message was accepted here on ${mailDate(message.queuedAt)},${crlf}` +
    `under the number ${oneLine(message.id, 64)}.${crlf}`
  );
}

function closing(returned: Returned): string {
  const machine = "The next part of this report is for mail programs and administrators";
  switch (returned) {
    case "message":
      return `${machine}; the last is your message.`;
    case "headers":
      return `${machine}; the last is the beginning of your message: its header, without its content.`;
    case "nothing":
      return `${machine}. Your message itself is no longer there to be returned.`;
  }
}

const subjects = { failure: "Not delivered", delay: "Delayed", success: "Delivered" } as const;
const onward: ReadonlySet<Action> = new Set<Action>(["relayed", "expanded"]);

/** `=?` might begin an encoded word, and show something else. RFC 2047 §2 */
const namable = (address: string) => address.length <= 60 && isAscii(address) && !address.includes("=?");

/** ASCII always, so that no client shows riddles in its list. */
export function subjectOf({ kind, recipients }: Report): string {
  const [first] = recipients;
  const sentOn = kind === "success" && recipients.every(({ action }) => onward.has(action));
  const word = sentOn ? "Sent on" : subjects[kind];
  const address = first ? oneLine(first.recipient.orcpt?.address ?? first.recipient.address, 400) : "";
  const whom =
    recipients.length === 1 && namable(address)
      ? address
      : `${recipients.length} recipient${recipients.length === 1 ? "" : "s"}`;
  return `${word}: your message to ${whom}`;
}
