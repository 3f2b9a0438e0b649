/**
 * Builders for tests of `queue/settle`: a job, the ways in which attempts end, and a plan with a quiet context.
 */
import type { Address, Domain } from "../../daemon/mail/address.ts";
import type { Notify, Recipient, Sender } from "../../daemon/mail/envelope.ts";
import type { Outcome } from "../../daemon/mail/outcome.ts";
import { reply } from "../../daemon/mail/reply.ts";
import { newMessageId } from "../../daemon/queue/ids.ts";
import type { Job, PolicyName } from "../../daemon/queue/job.ts";
import { defaultRetry } from "../../daemon/queue/retry.ts";
import { type Attempted, plan } from "../../daemon/queue/settle.ts";

export const minute = 60_000;
export const hour = 60 * minute;
export const queuedAt = Date.UTC(2026, 10, 23, 8);
export const remote = { name: "mx.example.net", address: "192.0.2.5" };
export const alice = "alice@example.test" as Address;
export const to = (name: string, notify?: Notify): Recipient => ({
  address: `${name}@example.net` as Address,
  ...(notify === undefined ? {} : { notify }),
});
export const sender = (over: Partial<Sender> = {}): Sender => ({
  path: alice,
  body: "7BIT",
  smtputf8: false,
  ...over,
});
export const message = newMessageId(queuedAt, new Uint8Array(10));
export const job = (over: Partial<Job> = {}): Job => ({
  message,
  group: 2,
  class: "relay",
  policy: "default/default" as PolicyName,
  destination: "example.net" as Domain,
  queuedAt,
  sender: sender(),
  origin: { client: "192.0.2.1", helo: "laptop", protocol: "ESMTPSA" },
  body: { kind: "inline", size: 5120 },
  recipients: [to("bob")],
  attempts: 0,
  nextAttempt: queuedAt,
  history: [],
  ...over,
});

export const delivered = (how: Extract<Outcome, { kind: "delivered" }>["how"] = "relayed"): Outcome => ({
  kind: "delivered",
  reply: reply(250, "2.0.0", "Ok"),
  remote,
  how,
});
export const failed: Outcome = { kind: "failed", reply: reply(550, "5.1.1", "Who?"), remote };
export const deferred = (over: Partial<Extract<Outcome, { kind: "deferred" }>> = {}): Outcome => ({
  kind: "deferred",
  reply: reply(451, "4.7.1", "Later"),
  remote,
  ...over,
});

export const settle = (given: Job, outcomes: Attempted["outcomes"], over: Partial<Attempted> = {}) => {
  let ids = 0;
  return plan({
    job: given,
    outcomes,
    now: queuedAt + 1_000,
    retry: defaultRetry,
    reportingMta: "mx.example.test",
    chance: () => 0.5,
    newId: () => newMessageId(queuedAt + 1_000, new Uint8Array(10).fill(++ids)),
    ...over,
  });
};
