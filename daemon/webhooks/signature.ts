/**
 * Signs what a webhook sends.
 *
 * In:     the keys, the newest first; the event's id, the time of the attempt, the body to the octet.
 * Out:    the headers that receivers check: one signature for each key, so that a key can be replaced without a gap.
 * Spec:   Standard Webhooks 1.0, "Signature scheme": HMAC-SHA256 of `<id>.<timestamp>.<body>`.
 */
import { createHmac } from "node:crypto";

export interface Signed {
  readonly "webhook-id": string;
  /** Seconds since the epoch. */
  readonly "webhook-timestamp": string;
  readonly "webhook-signature": string;
}

export function signed(keys: readonly Buffer[], id: string, now: number, body: string): Signed {
  const seconds = String(Math.floor(now / 1_000));
  const signatures = keys.map((key) => {
    const digest = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64");
    return `v1,${digest}`;
  });
  return { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": signatures.join(" ") };
}
