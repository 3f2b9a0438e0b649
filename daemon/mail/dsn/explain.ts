/**
 * Status codes in words for people who have never heard of one.
 *
 * In:     a reply: ours or a stranger's.
 * Out:    what happened, and what the reader of the DSN can do.
 * Fails:  never: an unknown code is explained by its subject, and at last by its class.
 * Spec:   RFC 3463 §3 and the IANA registry of enhanced status codes (RFC 5248).
 */
import type { Reply } from "../reply.ts";

export interface Explanation {
  readonly what: string;
  readonly toDo: string;
}

const checkAddress = "Check the spelling of the address, and send the message again to the right one.";
const otherWay = "Reach the recipient another way, for example by telephone.";
const tellRecipient = `${otherWay} Once this is put right, send the message again.`;
const ourAdmin = "Show this report to the people who run your mail service.";
const bothAdmins =
  "Show this report to the people who run your mail service; they may have to talk to the recipient's.";

/** By subject and detail, then by subject (`1.*`). */
const sentences: Readonly<Record<string, readonly [what: string, toDo: string]>> = {
  "1.0": ["The address was not accepted.", checkAddress],
  "1.1": ["There is no mailbox with this address.", checkAddress],
  "1.2": [
    "The part of the address after the @ sign does not exist, or cannot receive mail.",
    "Check the spelling of the part after the @ sign, and send the message again to the right address.",
  ],
  "1.3": ["The address is not written in a valid form.", checkAddress],
  "1.4": ["The address fits more than one recipient.", "Ask the recipient for the full address."],
  "1.6": ["The recipient has moved, and left no new address.", "Ask the recipient for the new address."],
  "1.7": [
    "Your own address was not accepted as a sender.",
    `Check the sender address in your mail program. ${ourAdmin}`,
  ],
  "1.8": [
    "The recipient's server could not find the domain of your own address.",
    `Check the sender address in your mail program. ${ourAdmin}`,
  ],
  "1.10": ["This domain says that it does not receive any mail.", otherWay],
  "1.*": ["The address was not accepted.", checkAddress],
  "2.0": ["The recipient's mailbox did not accept the message.", tellRecipient],
  "2.1": ["The recipient's mailbox is disabled and receives no mail.", otherWay],
  "2.2": [
    "The recipient's mailbox is full.",
    "Tell the recipient another way. Once there is room again, send the message again.",
  ],
  "2.3": [
    "The message is larger than this mailbox allows.",
    "Send a smaller message: share large files by a link, for example.",
  ],
  "2.4": ["The mailing list behind this address is out of order.", "Tell the list's owner."],
  "2.*": ["The recipient's mailbox did not accept the message.", tellRecipient],
  "3.1": ["The recipient's mail server has no room left.", tellRecipient],
  "3.4": [
    "The message is too large for the recipient's mail server.",
    "Send a smaller message: share large files by a link, for example.",
  ],
  "3.*": ["The recipient's mail server has a problem of its own.", tellRecipient],
  "4.1": ["The recipient's mail server did not answer, or refused the connection.", tellRecipient],
  "4.2": ["The connection to the recipient's mail server broke off.", tellRecipient],
  "4.3": ["The mail server of this domain could not be looked up.", tellRecipient],
  "4.4": [
    "We found no way to a mail server for this domain.",
    `Check the part of the address after the @ sign. ${ourAdmin}`,
  ],
  "4.5": ["The recipient's mail server is overloaded.", tellRecipient],
  "4.6": ["The message went in a circle: mail servers kept passing it to each other.", bothAdmins],
  "4.7": ["The message could not be delivered in time.", tellRecipient],
  "4.*": ["The recipient's mail server could not be reached.", tellRecipient],
  "5.3": ["The message had too many recipients.", "Send it again to fewer recipients at a time."],
  "5.*": ["Our mail server and the recipient's did not understand each other.", bothAdmins],
  "6.3": [
    "The message holds characters that the recipient's old mail server cannot carry.",
    "Send it again as plain text without accents or emoji, or as an attachment.",
  ],
  "6.7": [
    "The recipient's mail server cannot handle addresses with letters outside English.",
    "Send the message again with plain addresses: yours and the recipient's.",
  ],
  "6.8": [
    "The recipient's mail server cannot handle letters outside English in a message's header.",
    "Send the message again from and to plain addresses.",
  ],
  "6.*": [
    "The recipient's mail server did not accept this kind of content.",
    "Send the message again without attachments, or as plain text.",
  ],
  "7.1": [
    "The recipient's mail server refused the message by its rules, perhaps since it took it for spam.",
    `If your message is harmless, ${lower(tellRecipient)} ${bothAdmins}`,
  ],
  later: [
    "The recipient's mail server put the message off by its rules, as many do with unknown senders at first.",
    tellRecipient,
  ],
  "7.2": ["You may not write to this mailing list.", "Ask the list's owner to let you in."],
  "7.4": [
    "No encrypted connection to the recipient's mail server was possible, and one is required.",
    bothAdmins,
  ],
  "7.8": ["Our mail server could not log in to the next one.", ourAdmin],
  "7.20": [
    "The recipient's mail server could not verify that the message really comes from your domain.",
    ourAdmin,
  ],
  "7.25": ["The recipient's mail server does not trust the address of ours.", ourAdmin],
  "7.28": [
    "The recipient's mail server receives more mail from here than it wants.",
    "Wait for some hours, then send the message again.",
  ],
  "7.*": ["The recipient's mail server refused the message by its rules.", bothAdmins],
  "*.*": ["The recipient's mail server did not accept the message.", tellRecipient],
};

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

/** Codes that say the same to a layman. */
const sameAs: Readonly<Record<string, string>> = {
  "1.5": "1.1",
  "1.9": "1.1",
  "3.2": "4.5",
  "7.0": "7.1",
  "7.5": "7.4",
  "7.10": "7.4",
  "7.11": "7.4",
  "7.21": "7.20",
  "7.22": "7.20",
  "7.23": "7.20",
  "7.24": "7.20",
  "7.26": "7.20",
  "7.27": "1.8",
  "7.29": "7.20",
  "7.30": "7.4",
  "6.9": "6.8",
  "6.10": "6.8",
};

/** Words by which servers say what their status code does not. Tried in order on replies with x.0.0 only. */
const telling: readonly (readonly [RegExp, string])[] = [
  [/spam|blocked|blacklist|block list|blocklist|reputation|content rejected|policy/i, "7.1"],
  [/over ?quota|quota exceeded|mailbox (?:is )?full|storage/i, "2.2"],
  [
    /(?:user|recipient|mailbox|address|account).{0,40}(?:unknown|not found|not exist|no such|unavailable|invalid)|(?:unknown|no such|invalid) (?:user|recipient|mailbox|address|account)/i,
    "1.1",
  ],
  [/(?:disabled|suspended|inactive|deactivated)/i, "2.1"],
  [/too (?:large|big)|size limit|exceeds.{0,20}size/i, "3.4"],
  [/dmarc|dkim|\bspf\b/i, "7.20"],
  [/too many recipients/i, "5.3"],
];

/** Replies that need no text to be understood. RFC 5321 §4.2.2 */
const byCode: Readonly<Record<number, string>> = { 421: "4.5", 452: "3.1", 552: "3.4", 553: "1.3" };

function keyOf({ code, enhanced, text }: Reply): string {
  const [, subject = "0", detail = "0"] = enhanced.split(".");
  if (subject !== "0") return `${subject}.${detail}`;
  const start = text.slice(0, 1_000);
  return telling.find(([words]) => words.test(start))?.[1] ?? byCode[code] ?? "*.*";
}

export function explain(reply: Reply): Explanation {
  const key = keyOf(reply);
  const [subject = "*"] = key.split(".");
  const same = sameAs[key] ?? key;
  const found =
    sentences[same === "7.1" && reply.code < 500 ? "later" : same] ??
    sentences[`${subject}.*`] ??
    sentences["*.*"];
  const [what, toDo] = found ?? ["The message was not accepted.", otherWay];
  return { what, toDo };
}
