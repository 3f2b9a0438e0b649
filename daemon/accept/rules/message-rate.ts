/**
 * Messages a minute: of a stranger by network, of a user by login, for a domain from outside.
 *
 * MAIL and RCPT look whether there is room; the message is counted when DATA opens it, so that probing costs nothing
 * and a message refused for its recipients is not counted.
 */
import type { DomainEntry } from "../../directory/directory.ts";
import type { Rate, Rates } from "../../kit/rate.ts";
import type { Verdict } from "../../smtp/mailroom.ts";
import { replies } from "../replies.ts";
import type { Standing } from "../standing.ts";

export interface Meter {
  readonly key: string;
  readonly rate: Rate;
}

const perMinute = (count: number): Rate => ({ count, perMs: 60_000 });

/** What a client's messages are counted by; `undefined`: they are not. */
export function senderMeter(standing: Standing, network: string): Meter | undefined {
  switch (standing.kind) {
    case "user":
      return {
        key: `user ${standing.mailbox.mailbox}`,
        rate: perMinute(standing.limits.messagesPerMinutePerUser),
      };
    case "stranger":
      return { key: `net ${network}`, rate: perMinute(standing.limits.messagesPerMinutePerClient) };
    case "client":
    case "formerUser":
      return undefined;
  }
}

/** What a domain's messages from outside are counted by. */
export function domainMeter(standing: Standing, { domain, limits }: DomainEntry): Meter | undefined {
  if (standing.kind !== "stranger" || limits.messagesPerMinute === undefined) return undefined;
  return { key: `domain ${domain}`, rate: perMinute(limits.messagesPerMinute) };
}

/** Is there room? */
export function withinRate(rates: Rates, meter: Meter | undefined, now: number): Verdict {
  if (meter === undefined) return undefined;
  const wait = rates.wait(meter.key, meter.rate, now);
  return wait > 0 ? replies.tooFast(wait) : undefined;
}

/** Counts one message on every meter, or on none. */
export function countMessage(rates: Rates, meters: readonly Meter[], now: number): Verdict {
  for (const meter of meters) {
    const refusal = withinRate(rates, meter, now);
    if (refusal) return refusal;
  }
  for (const { key, rate } of meters) rates.take(key, rate, now);
  return undefined;
}
