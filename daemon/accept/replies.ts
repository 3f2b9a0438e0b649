/**
 * Every refusal that accepting speaks, in one place, so that the words stay of one hand.
 *
 * Text says what is wrong and, where the client or its user can do something, what. It is ASCII and names no mailbox
 * that the client has not named itself.
 *
 * Spec:   RFC 5321 §4.2.3, RFC 3463, RFC 4954 §6, RFC 5248, RFC 7372.
 */
import type { Address } from "../mail/address.ts";
import { type Reply, reply } from "../mail/reply.ts";

export const replies = {
  // recipients
  unknownRecipient: reply(550, "5.1.1", "No such mailbox here: check the address"),
  aliasLoop: reply(550, "5.4.6", "This address leads back to itself: tell its postmaster"),
  aliasTooLarge: reply(
    451,
    "4.3.5",
    "This address stands for too many recipients, its postmaster must divide it",
  ),
  suspended: reply(450, "4.2.1", "This mailbox is suspended at the moment, try again later"),
  mailboxFull: reply(452, "4.2.2", "This mailbox is full, try again later"),
  domainLeaves: reply(550, "5.1.2", "This domain takes no mail here any more: ask for another address"),
  policyLeaves: reply(450, "4.3.2", "The way out for this mail is being removed, try again later"),
  noRelay: reply(
    550,
    "5.7.1",
    "Relaying denied: the domain is not ours, and you neither logged in nor are on our list",
  ),
  tooManyRecipients: (limit: number) =>
    reply(452, "4.5.3", `Too many recipients: ${limit} in one message, send the others in another`),
  tooManyUnknown: reply(421, "4.7.0", "Too many unknown recipients, check your list; closing the connection"),
  tooManyGuesses: (waitMs: number) =>
    reply(
      421,
      "4.7.0",
      `Too many unknown recipients from you lately, check your list and try again in ${waitWords(waitMs)}`,
    ),
  tooManyAddressed: (waitMs: number) =>
    reply(450, "4.7.1", `Too many recipients at once, send to this one in ${waitWords(waitMs)}`),
  tooManyMistakes: (waitMs: number) =>
    reply(421, "4.7.0", `Too many errors from you lately, try again in ${waitWords(waitMs)}`),
  tooManyConnections: (waitMs: number) =>
    reply(
      421,
      "4.7.0",
      `Too many new connections from you, send more messages on each and try again in ${waitWords(waitMs)}`,
    ),

  /** Spoken by the engine; here for the log. */
  spokeFirst: reply(554, "5.5.1", "You spoke before our greeting, wait for it"),

  // who the client is
  heloFault: {
    ownName: reply(550, "5.7.1", "Your HELO gives a name of ours: give your own host name"),
    literal: reply(
      550,
      "5.7.1",
      "The address in your HELO is not yours: give your host name, or your own address in brackets",
    ),
    unqualified: reply(
      550,
      "5.7.1",
      "Your HELO gives no full host name: give one with its domain, such as mail.example.org",
    ),
    unresolvable: reply(
      550,
      "5.7.1",
      "The name in your HELO does not exist in the DNS: give your host name, and an address to it",
    ),
  },
  noReverseDns: (client: string) =>
    reply(550, "5.7.25", `Your address ${client} has no name in the DNS: ask your provider for a PTR record`),
  wrongReverseDns: (client: string) =>
    reply(
      550,
      "5.7.25",
      `The name of your address ${client} does not lead back to it: give that name an address record`,
    ),
  listed: (client: string, zones: readonly string[]) =>
    reply(
      550,
      "5.7.1",
      `Your address ${client} is listed by ${zones.join(", ")}: ask there to be removed, or write to our postmaster`,
    ),
  greylisted: (waitMs: number) =>
    reply(450, "4.7.1", `We do not know you yet, try again in ${waitWords(waitMs)} and we will take it`),

  // who may send, and as whom
  authRequired: reply(530, "5.7.0", "Authentication required: log in first"),
  notYourAddress: (sender: Address) =>
    reply(550, "5.7.1", `You may not send as <${sender}>: use an address of your own`),
  noAuthor: reply(550, "5.7.1", "The From field holds something else than addresses: use one of your own"),
  userGone: reply(550, "5.7.1", "Your mailbox may not send any more: ask your postmaster"),
  wrongLogin: reply(535, "5.7.8", "Authentication credentials invalid: check name and password"),
  loginDisabled: reply(525, "5.7.13", "This account is disabled: ask your postmaster"),
  loginUnavailable: reply(454, "4.7.0", "Temporary authentication failure, try again later"),
  tooManyLogins: reply(
    421,
    "4.7.0",
    "Too many failed logins, check name and password; closing the connection",
  ),

  // where a message comes from
  spfFailed: reply(
    550,
    "5.7.23",
    "SPF: the sender's domain does not allow your address to send for it: send by its hosts, or have it allow yours",
  ),
  dkimFailed: reply(
    550,
    "5.7.20",
    "DKIM: no signature of this message is valid: sign it with a key in your DNS, and change nothing afterwards",
  ),
  dmarcFailed: reply(
    550,
    "5.7.26",
    "DMARC: neither SPF nor DKIM vouches for the domain in From, and its owner asks to refuse such mail: send it by that domain's own hosts",
  ),
  originUnknown: reply(
    451,
    "4.4.3",
    "The DNS did not tell in time whether this message is genuine, try again later",
  ),

  // content filters
  filterFailed: reply(451, "4.7.1", "A content filter does not answer just now, try again later"),
  filterJunk: reply(
    550,
    "5.7.1",
    "A content filter takes this message for junk: if it is none, write to our postmaster",
  ),

  // messages
  headerTooLarge: reply(
    552,
    "5.3.4",
    "The message's header section is too large: 65536 octets are allowed here",
  ),
  tooLarge: (limit: number) => reply(552, "5.3.4", `Message too big: ${limit} octets are allowed here`),
  tooManyHops: reply(
    554,
    "5.4.6",
    "Too many hops: the message has been going round in a circle, check where it is forwarded to",
  ),
  forwardLoop: reply(
    554,
    "5.4.6",
    "Mail forwarding loop: the message has been at this address before, check where it is forwarded to",
  ),
  tooFast: (waitMs: number) => reply(450, "4.7.1", `Too many messages, try again in ${waitWords(waitMs)}`),
  crowded: reply(452, "4.3.1", "Too many messages are arriving at once, try again later"),
  noRecipients: reply(554, "5.5.1", "No valid recipients: name one that was taken"),
  notStored: reply(451, "4.3.0", "The message could not be stored just now, try again later"),
  queued: (id: string): Reply => reply(250, "2.0.0", `queued as ${id}`),
} as const;

function waitWords(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds < 120) return seconds === 1 ? "1 second" : `${seconds} seconds`;
  return `${Math.ceil(seconds / 60)} minutes`;
}
