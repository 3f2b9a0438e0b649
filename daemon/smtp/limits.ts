/**
 * The engine's own limits: what protects the process whatever the mailroom's policy is.
 *
 * Spec: RFC 5321 §4.5.3.1 (sizes), §4.5.3.2 (time-outs); RFC 4954 §4 (12288 octets for AUTH lines).
 */
export interface SmtpLimits {
  /** One command line with its CRLF. RFC 5321 §4.5.3.1.4 asks for 512 and room for each extension. */
  readonly commandOctets: number;
  /** An AUTH command or a response within the exchange. */
  readonly loginOctets: number;
  /** A whole command must arrive within this. RFC 5321 §4.5.3.2.7 */
  readonly commandMs: number;
  /** While a message arrives, each such span must bring `dataWindowOctets`, or the message's end. */
  readonly dataWindowMs: number;
  readonly dataWindowOctets: number;
  /** Commands with bad syntax, in bad order or unknown, before the session ends. */
  readonly errors: number;
  /** Refused recipients before the session ends (guessing of addresses). */
  readonly refusedRecipients: number;
  readonly failedLogins: number;
  /** Commands that carry no mail (RSET, NOOP, EHLO, VRFY …) since the last message. */
  readonly idleCommands: number;
  /** A message that grows beyond this many times its limit is cut off instead of being read to its end. */
  readonly oversizeFactor: number;
}

export const defaultLimits: SmtpLimits = Object.freeze({
  commandOctets: 4096,
  loginOctets: 12288,
  commandMs: 5 * 60_000,
  dataWindowMs: 10 * 60_000,
  dataWindowOctets: 65_536,
  errors: 20,
  refusedRecipients: 1000,
  failedLogins: 5,
  idleCommands: 100,
  oversizeFactor: 4,
});
