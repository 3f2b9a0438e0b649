/**
 * What a client may take of us.
 *
 * Spec: RFC 1939 §3 (autologout: at least 10 minutes), RFC 2449 §4 (a command line has at most 255 octets; addresses as
 *       user names need more), RFC 5034 §4 (responses of AUTH may be longer).
 */
export interface Pop3Limits {
  /** One command line with its CRLF. */
  readonly commandOctets: number;
  /** An AUTH command, or a response within its exchange. */
  readonly loginOctets: number;
  /** Without a command, and without reading what we send. */
  readonly idleMs: number;
  /** While the daemon stops, a client that says nothing for this long is let go. */
  readonly drainIdleMs: number;
  /** Commands that were not understood or came at the wrong time, in one session. */
  readonly badCommands: number;
  readonly failedLogins: number;
}

export const defaultLimits: Pop3Limits = Object.freeze({
  commandOctets: 1_024,
  loginOctets: 12_288,
  idleMs: 10 * 60_000,
  drainIdleMs: 3_000,
  badCommands: 20,
  failedLogins: 5,
});
