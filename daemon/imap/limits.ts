/**
 * What a client may take of us, before and after login.
 *
 * Spec:   RFC 9051 §5.4 (autologout: at least 30 minutes once logged in), RFC 7162 §4 (lines of 8192 octets and more),
 *         RFC 7888 §5 (literals).
 */
export interface ImapLimits {
  /** One command without its literals' octets. */
  readonly commandOctets: number;
  readonly commandOctetsBeforeLogin: number;
  /** Literals outside APPEND, all of one command together. */
  readonly literalOctets: number;
  readonly literalOctetsBeforeLogin: number;
  readonly literalsPerCommand: number;
  readonly tagOctets: number;
  /** Brackets within brackets, in any argument. */
  readonly nesting: number;
  /** Members of one list. */
  readonly listItems: number;
  /** Commands in a row that were not understood. */
  readonly badCommands: number;
  readonly failedLogins: number;
  readonly loginTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** A message that APPEND brings. RFC 7889 */
  readonly appendOctets: number;
}

export const defaultLimits: ImapLimits = {
  commandOctets: 65_536,
  commandOctetsBeforeLogin: 12_288,
  literalOctets: 262_144,
  literalOctetsBeforeLogin: 4_096,
  literalsPerCommand: 200,
  tagOctets: 100,
  nesting: 50,
  listItems: 5_000,
  badCommands: 20,
  failedLogins: 5,
  loginTimeoutMs: 180_000,
  idleTimeoutMs: 30 * 60_000 + 30_000,
  appendOctets: 50 * 1_024 * 1_024,
};
