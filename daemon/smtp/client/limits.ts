/**
 * How long the client waits for each step, in milliseconds.
 *
 * Spec: RFC 5321 §4.5.3.2 for all steps that it names; the others are ours.
 */
export interface Timeouts {
  readonly connect: number;
  readonly greeting: number; //  §4.5.3.2.1
  /** EHLO, STARTTLS, RSET and each step of AUTH. */
  readonly command: number;
  readonly handshake: number;
  readonly mail: number; //      §4.5.3.2.2
  readonly rcpt: number; //      §4.5.3.2.3
  readonly dataInit: number; //  §4.5.3.2.4
  readonly dataBlock: number; // §4.5.3.2.5
  /** Long, because a time-out here makes a duplicate. §4.5.3.2.6 */
  readonly finalDot: number;
  readonly quit: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export const standardTimeouts: Timeouts = Object.freeze({
  connect: 30 * SECOND,
  greeting: 5 * MINUTE,
  command: 5 * MINUTE,
  handshake: MINUTE,
  mail: 5 * MINUTE,
  rcpt: 5 * MINUTE,
  dataInit: 2 * MINUTE,
  dataBlock: 3 * MINUTE,
  finalDot: 10 * MINUTE,
  quit: 2 * SECOND,
});
