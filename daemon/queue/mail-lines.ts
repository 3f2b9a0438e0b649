/**
 * The log of mail: one line for each decisive event of a message, from the client's 250 to the mailbox, the next hop or the
 * bounce, each under the message's id. So `grep ID` over the logs of all pods is a message's way.
 *
 * Levels: `warn` when nobody could be told of a failure, else `info`: what a site or a sender does wrong is not our trouble.
 * Floods: ends are all told; deferrals, of which a dead site brings thousands, are sampled by what they are about.
 * Bounds: at most `recipientsTold` addresses and `textTold` characters of an answer in a line.
 */
import type { Clock } from "../kit/clock.ts";
import type { Fields, Log } from "../kit/log.ts";
import { SampledLog } from "../kit/sampled-log.ts";
import { oneLine } from "../mail/text.ts";
import type { TraceEvent } from "./events.ts";
import type { Concerned } from "./message-event.ts";

const recipientsTold = 5;
const textTold = 300;
/** Of one class, in ten seconds. */
const deferralsTold = 100;

const sentences: Readonly<Record<TraceEvent["kind"], string>> = {
  accepted: "a message was accepted",
  delivered: "a message was delivered",
  deferred: "a delivery was deferred",
  failed: "a delivery failed",
  expired: "a message expired",
  complained: "a recipient complained",
  dsn: "a report to the sender was queued",
  dropped: "nobody could be told of a failure",
  held: "a job was held by an operator",
  released: "a job was released by an operator",
  retried: "a job was ordered to be tried now",
  purged: "a job was removed by an operator",
  unrouted: "a job goes by routing again",
  bounced: "a job was returned by an operator",
  rerouted: "a job was given a next hop by an operator",
};

export class MailLines implements Disposable {
  readonly #log: Log;
  readonly #deferrals: SampledLog;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#deferrals = new SampledLog({ log, clock, most: deferralsTold });
  }

  tell(event: TraceEvent, about: Pick<Concerned, "policy" | "attempts">): void {
    const sentence = sentences[event.kind];
    if (event.kind === "deferred")
      this.#deferrals.info(event.bounce ?? "other", () => fieldsOf(event, about), sentence);
    else this.#log[event.kind === "dropped" ? "warn" : "info"](fieldsOf(event, about), sentence);
  }

  [Symbol.dispose](): void {
    this.#deferrals[Symbol.dispose]();
  }
}

function fieldsOf(event: TraceEvent, { policy, attempts }: Pick<Concerned, "policy" | "attempts">): Fields {
  const { message, group } = event;
  const job = group === undefined ? {} : { job: group };
  return { message, ...job, policy, ...detailsOf(event, attempts) };
}

function detailsOf(event: TraceEvent, attempts: number | undefined): Fields {
  switch (event.kind) {
    case "accepted": {
      const { sender, size, client, protocol, user, results, junk } = event;
      return { sender, ...recipientsOf(event), size, client, protocol, user, results, junk };
    }
    case "delivered":
    case "deferred":
    case "failed":
    case "expired": {
      const { reply, remote, ms } = event;
      return {
        ...recipientsOf(event),
        host: remote?.name,
        address: remote?.address,
        code: reply.code,
        enhanced: reply.enhanced,
        text: oneLine(reply.text, textTold),
        class: event.bounce,
        attempt: attempts === undefined ? undefined : attempts + 1,
        ms: ms === undefined ? undefined : Math.round(ms),
        ...(event.kind === "deferred" ? { next: new Date(event.nextAttempt).toISOString() } : {}),
      };
    }
    case "complained":
      return { ...recipientsOf(event), feedback: event.feedback, report: event.report };
    case "dsn":
      return { kind: event.report, report: event.id, to: event.to };
    case "dropped":
    case "bounced":
      return { reason: event.reason };
    case "rerouted":
      return { host: event.host, port: event.port };
    default:
      return {};
  }
}

function recipientsOf({ recipients }: { readonly recipients: readonly string[] }): Fields {
  const more = recipients.length - recipientsTold;
  return { recipients: recipients.slice(0, recipientsTold), ...(more > 0 ? { more } : {}) };
}
