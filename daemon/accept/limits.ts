/**
 * What protects the daemon itself, whatever the resources say: the limits of RelayPolicy and MailDomain are about
 * clients and domains, these are about this process.
 *
 * Spec: RFC 5321 §6.3 (loops: at least 100 Received lines), §4.5.3.2.6 (clients wait 10 minutes for the final reply).
 */
export interface MailroomLimits {
  /** For an answer of the store after the final dot. Longer than the election of a JetStream leader (4–9 s). */
  readonly commitMs: number;
  /** Final recipients of one message after aliases: each may become a job, and one atomic batch takes 1,000. */
  readonly targets: number;
  readonly recipientsPerJob: number;
  /** Unknown recipients on one connection before it is taken for address harvesting. */
  readonly unknownRecipients: number;
  readonly failedLogins: number;
  /** Received lines; a message with more is in a loop. */
  readonly received: number;
  /** Messages that arrive at the same moment: each holds up to `largeOctets` in memory. */
  readonly arriving: number;
  /** Of these, messages beyond `largeOctets`, which hold up to about a megabyte; others wait for their turn. */
  readonly arrivingLarge: number;
  readonly largeOctets: number;
  /** How long a large message waits for its turn; clients give a block 3 minutes, RFC 5321 §4.5.3.2.5. */
  readonly turnMs: number;
  /** Clients that wait for the answer to a mistake, all together. */
  readonly tarpitPlaces: number;
  /** For what the DNS says of a client; then it has no opinion. */
  readonly lookupMs: number;
  /** Clients of whom that is remembered, and how long. */
  readonly lookupClients: number;
  readonly lookupKeepMs: number;
}

export const defaultLimits: MailroomLimits = Object.freeze({
  commitMs: 20_000,
  targets: 1_000,
  recipientsPerJob: 100,
  unknownRecipients: 10,
  failedLogins: 3,
  received: 100,
  arriving: 1_000,
  arrivingLarge: 128,
  largeOctets: 64 << 10,
  turnMs: 120_000,
  tarpitPlaces: 500,
  lookupMs: 5_000,
  lookupClients: 10_000,
  lookupKeepMs: 5 * 60_000,
});
