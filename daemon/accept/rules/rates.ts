/**
 * How often: connections, messages, recipients, unknown recipients and errors, of a client, of the network around it, of
 * a user who logged in, and for a domain of ours from outside.
 *
 * MAIL and RCPT look whether there is room for a message; it is counted when DATA opens it, so that probing costs nothing
 * and a message refused for its recipients is not counted. Everything else is counted as it happens.
 *
 * Clients of a policy's `acceptFrom` are not counted. A user is counted wherever it comes from.
 */
import type { ClientLimitNumbers, DomainEntry } from "../../directory/directory.ts";
import type { Rate, Rates } from "../../kit/rate.ts";
import type { Standing } from "../standing.ts";

export type Counted = "connections" | "messages" | "recipients" | "unknown" | "errors";

export interface Meter {
  readonly key: string;
  readonly rate: Rate;
}

/** Where a client comes from. */
export interface Whence {
  /** An IPv4 address or an IPv6 /64. */
  readonly client: string;
  /** An IPv4 /24. */
  readonly network: string | undefined;
}

type Limit = Exclude<
  keyof ClientLimitNumbers,
  "connections" | "connectionsPerClient" | "messageSize" | "recipients" | "greetingDelayMilliseconds"
>;

interface Limits {
  readonly perMs: number;
  readonly client: Limit;
  readonly network: Limit;
  readonly user: Limit;
}

const minute = 60_000;
const hour = 60 * minute;
const limitsOf: Readonly<Record<Counted, Limits>> = {
  connections: {
    perMs: minute,
    client: "connectionsPerMinutePerClient",
    network: "connectionsPerMinutePerNetwork",
    user: "connectionsPerMinutePerClient",
  },
  messages: {
    perMs: minute,
    client: "messagesPerMinutePerClient",
    network: "messagesPerMinutePerNetwork",
    user: "messagesPerMinutePerUser",
  },
  recipients: {
    perMs: minute,
    client: "recipientsPerMinutePerClient",
    network: "recipientsPerMinutePerNetwork",
    user: "recipientsPerMinutePerUser",
  },
  unknown: {
    perMs: hour,
    client: "unknownRecipientsPerHourPerClient",
    network: "unknownRecipientsPerHourPerNetwork",
    user: "unknownRecipientsPerHourPerClient",
  },
  errors: {
    perMs: hour,
    client: "errorsPerHourPerClient",
    network: "errorsPerHourPerNetwork",
    user: "errorsPerHourPerClient",
  },
};

const nothing: readonly Meter[] = [];

/** What something is counted on; the narrowest first. */
export function metersOf(what: Counted, standing: Standing, { client, network }: Whence): readonly Meter[] {
  const { perMs, ...limits } = limitsOf[what];
  const meter = (key: string, limit: Limit): Meter => ({
    key: `${what} ${key}`,
    rate: { count: standing.limits[limit], perMs },
  });
  switch (standing.kind) {
    case "client":
      return nothing;
    case "user":
      return [meter(`user ${standing.mailbox.mailbox}`, limits.user)];
    case "stranger":
    case "formerUser": {
      const own = meter(`client ${client}`, limits.client);
      return network === undefined ? [own] : [own, meter(`net ${network}`, limits.network)];
    }
  }
}

const domainLimits = {
  messages: { perMs: minute, limit: "messagesPerMinutePerClient" },
  recipients: { perMs: minute, limit: "recipientsPerMinutePerClient" },
  unknown: { perMs: hour, limit: "unknownRecipientsPerHourPerClient" },
} as const;

/** What a domain of ours counts of a stranger, by limits of its own. */
export function domainMetersOf(
  what: keyof typeof domainLimits,
  standing: Standing,
  { client }: Whence,
  { domain, limits }: DomainEntry,
): readonly Meter[] {
  if (standing.kind !== "stranger") return nothing;
  const meters: Meter[] = [];
  const { perMs, limit } = domainLimits[what];
  const own = limits[limit];
  if (own !== undefined)
    meters.push({ key: `${what} ${domain} client ${client}`, rate: { count: own, perMs } });
  if (what === "messages" && limits.messagesPerMinute !== undefined)
    meters.push({ key: `messages ${domain}`, rate: { count: limits.messagesPerMinute, perMs } });
  return meters;
}

/** How long until there is room on all of them, ms; 0: now. */
export function waitOn(rates: Rates, meters: readonly Meter[], now: number): number {
  let longest = 0;
  for (const { key, rate } of meters) longest = Math.max(longest, rates.wait(key, rate, now));
  return longest;
}

/** Counts one on every meter and returns 0, or on none and returns how long to wait, ms. */
export function countOn(rates: Rates, meters: readonly Meter[], now: number): number {
  const wait = waitOn(rates, meters, now);
  if (wait === 0) for (const { key, rate } of meters) rates.take(key, rate, now);
  return wait;
}

/** How many mistakes a client made lately: they are forgotten as the rates allow more of them. */
export function mistakesOf(rates: Rates, standing: Standing, whence: Whence, now: number): number {
  let sum = 0;
  for (const what of ["unknown", "errors"] as const) {
    const [own] = metersOf(what, standing, whence);
    if (own) sum += rates.count(own.key, own.rate, now);
  }
  return Math.round(sum);
}
