/**
 * What a refusal or a deferral is about: few words that people filter and count by, and that decide what is done beyond
 * trying again (a site is sent less, an address is sent nothing).
 *
 * The values are bounded, since they are labels of metrics; they stand in job records and trace events for weeks, so none
 * is ever renamed.
 */
export const bounceClasses = [
  /** The mailbox does not exist, or its address cannot be one. */
  "mailbox-unknown",
  /** It exists, and takes nothing any more: disabled, suspended, closed. */
  "mailbox-disabled",
  "mailbox-full",
  /** It gets too much at the moment: a matter of this recipient, not of how much we send. */
  "mailbox-busy",
  /** The recipient's domain does not exist, or takes no mail. */
  "domain-unknown",
  /** The other side's rules, without a word about which. */
  "policy",
  /** We, our network or the message are taken for spam. */
  "reputation",
  /** We send too much, too fast, or over too many connections. */
  "rate-limited",
  /** Nobody is known here who has not tried twice. RFC 6647 */
  "greylisted",
  /** They do not believe who we are: SPF, DKIM, DMARC, reverse DNS, HELO, the sender's address. */
  "auth",
  /** What is in the message, or how it is built. */
  "content",
  "size",
  "dns",
  "network",
  "tls",
  /** The other side (or our own store) has trouble of its own. */
  "system",
  /** Relaying is refused, or the mail goes in circles. */
  "routing",
  "protocol",
  /** It was tried for as long as it may be. */
  "expired",
  /** The address is on our own suppression list. */
  "suppressed",
  /** An operator of ours held, paused or returned it. */
  "operator",
  "other",
] as const;

export type BounceClass = (typeof bounceClasses)[number];
