/**
 * What all sessions share: the rules in their order, the counters, the way to the queue.
 */
import type { Sasl } from "../auth/sasl/sasl.ts";
import type { Directory, LiveDirectory } from "../directory/directory.ts";
import type { Look } from "../filters/filter.ts";
import type { Clock } from "../kit/clock.ts";
import { Deadlines } from "../kit/deadlines.ts";
import type { Log } from "../kit/log.ts";
import { Rates } from "../kit/rate.ts";
import type { Address } from "../mail/address.ts";
import type { MessageId } from "../queue/job.ts";
import type { NewJob, Queue } from "../queue/queue.ts";
import { Arrivals } from "./arrivals.ts";
import type { DmarcFact } from "./dmarc-fact.ts";
import type { Examine } from "./inspection.ts";
import { defaultLimits, type MailroomLimits } from "./limits.ts";
import { QuotaWatch, type StatusOf } from "./quota.ts";
import { admission } from "./rules/admission.ts";
import { known } from "./rules/known.ts";
import { loginRequired } from "./rules/login-required.ts";
import { notFull, notSuspended } from "./rules/mailbox-ready.ts";
import { domainMessageSize, messageSize } from "./rules/message-size.ts";
import { notDraining } from "./rules/not-draining.ts";
import { ownSender } from "./rules/own-sender.ts";
import { recipientCount } from "./rules/recipient-count.ts";
import { mayRelay } from "./rules/relay.ts";
import { chain, type Mail, type Rcpt } from "./rules/rule.ts";
import type { SinkParts } from "./sink.ts";
import { type Ranks, ranksOf } from "./standing.ts";

/** A message that is in the queue. */
export interface Accepted {
  readonly message: MessageId;
  readonly jobs: readonly NewJob[];
  /** Octets as the client sent them. */
  readonly octets: number;
  /** ms from DATA to the queue's answer */
  readonly ms: number;
}

export interface MailroomParts {
  readonly live: Pick<LiveDirectory, "current">;
  readonly queue: Pick<Queue, "admission" | "newId" | "openBody" | "readBack" | "accept">;
  /** Who may log in, and how. */
  readonly sasl: Pick<Sasl, "mechanisms" | "exchange">;
  /** Figures of one mailbox, for quotas at RCPT. */
  readonly statusOf: StatusOf;
  /** Our name in trace fields. */
  readonly hostname: string;
  readonly clock: Clock;
  readonly log: Log;
  /** AUTH without TLS is offered to clients on loopback. */
  readonly laptop: boolean;
  /** Examines where strangers' messages come from; absent: nobody does. */
  readonly examine?: Examine;
  /** Hears what judged messages add to DMARC reports. */
  readonly observe?: ((fact: DmarcFact) => void) | undefined;
  /** Asks the content filters that domains name; absent: nobody does. */
  readonly look?: Look;
  /** Whom a bounce to this address of ours is for, if we gave the address out as a return path. */
  readonly returned?: (address: Address, namespace: string) => Address | undefined;
  /** Called for each message once it is durable, before the client hears so: metrics and the message's trace. */
  readonly accepted: (event: Accepted) => void;
  readonly limits?: Partial<MailroomLimits>;
}

export class Desk implements Disposable {
  readonly #parts: MailroomParts;
  readonly #quotas: QuotaWatch;
  readonly limits: MailroomLimits;
  readonly rates = new Rates();
  readonly arrivals: Arrivals;
  readonly sinks: SinkParts;
  readonly admission: ReturnType<typeof admission>;
  readonly mailRules: ReturnType<typeof chain<Mail>>;
  readonly rcptRules: ReturnType<typeof chain<Rcpt>>;
  readonly #commits: Deadlines;
  #ranks: Ranks | undefined;

  constructor(parts: MailroomParts) {
    const { queue, clock, log } = parts;
    this.#parts = parts;
    this.limits = { ...defaultLimits, ...parts.limits };
    this.arrivals = new Arrivals(this.limits, clock);
    this.#commits = new Deadlines(this.limits.commitMs, clock);
    this.#quotas = new QuotaWatch(parts.statusOf, clock, log);
    this.sinks = { queue, log, commits: this.#commits, largeOctets: this.limits.largeOctets };
    this.admission = admission(queue);
    this.mailRules = chain(loginRequired, this.admission, messageSize, ownSender);
    this.rcptRules = chain(
      mayRelay,
      notDraining,
      known,
      recipientCount(this.limits.targets),
      domainMessageSize,
      notSuspended,
      notFull((mailbox, size) => this.#quotas.isFull(mailbox, size)),
    );
  }

  get parts(): MailroomParts {
    return this.#parts;
  }

  directory(): Directory {
    return this.#parts.live.current();
  }

  /** Of the newest directory. */
  ranks(): Ranks {
    const directory = this.directory();
    if (this.#ranks?.directory !== directory) this.#ranks = ranksOf(directory);
    return this.#ranks;
  }

  [Symbol.dispose](): void {
    this.arrivals[Symbol.dispose]();
    this.#commits[Symbol.dispose]();
    this.#quotas.close();
  }
}
