/**
 * What all sessions share: the rules in their order, the counters, the way to the queue.
 */
import type { Lookup } from "../auth/origin/lookup.ts";
import type { Sasl } from "../auth/sasl/sasl.ts";
import type { Directory, LiveDirectory } from "../directory/directory.ts";
import type { Look } from "../filters/filter.ts";
import type { Clock } from "../kit/clock.ts";
import { Deadlines } from "../kit/deadlines.ts";
import type { Log } from "../kit/log.ts";
import { Rates } from "../kit/rate.ts";
import { SampledLog } from "../kit/sampled-log.ts";
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
import { chain, type Mail, type Rcpt, type Refusal } from "./rules/rule.ts";
import type { SinkParts } from "./sink.ts";
import { type Ranks, ranksOf } from "./standing.ts";
import { type GreyBook, Greylist } from "./strangers/greylist.ts";
import { ClientLookups } from "./strangers/lookups.ts";
import { Tarpit } from "./strangers/tarpit.ts";
import type { VisitorParts } from "./strangers/visitor.ts";

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
  /** The DNS, for what strangers are; absent: nobody is looked up. */
  readonly lookup?: Lookup;
  /** The memory of greylisting; absent: there is none. */
  readonly greyBook?: GreyBook;
  /** Counts, maybe shared with other pods. */
  readonly rates?: Rates;
  /** Called for each refusal: metrics. */
  readonly refused?: (rule: string) => void;
  /** Whom a bounce to this address of ours is for, if we gave the address out as a return path. */
  readonly returned?: (address: Address, namespace: string) => Address | undefined;
  /** Called for each message once it is durable, before the client hears so: metrics and the message's trace. */
  readonly accepted: (event: Accepted) => void | Promise<void>;
  readonly limits?: Partial<MailroomLimits>;
}

export class Desk implements Disposable {
  readonly #parts: MailroomParts;
  readonly #quotas: QuotaWatch;
  readonly limits: MailroomLimits;
  readonly rates: Rates;
  readonly visitors: VisitorParts;
  readonly arrivals: Arrivals;
  readonly sinks: SinkParts;
  readonly admission: ReturnType<typeof admission>;
  readonly mailRules: ReturnType<typeof chain<Mail>>;
  readonly rcptRules: ReturnType<typeof chain<Rcpt>>;
  readonly #commits: Deadlines;
  readonly #told: SampledLog;
  readonly #lookups: ClientLookups | undefined;
  #ranks: Ranks | undefined;

  constructor(parts: MailroomParts) {
    const { queue, clock, log, lookup, greyBook } = parts;
    this.#parts = parts;
    this.limits = { ...defaultLimits, ...parts.limits };
    this.rates = parts.rates ?? new Rates();
    this.#lookups = lookup && new ClientLookups(lookup, clock, this.limits);
    this.visitors = {
      rates: this.rates,
      clock,
      tarpit: new Tarpit(this.limits.tarpitPlaces, clock),
      lookups: this.#lookups,
      greylist: greyBook && new Greylist(greyBook, clock, log),
    };
    this.#told = new SampledLog({ log, clock });
    this.arrivals = new Arrivals(this.limits, clock);
    this.#commits = new Deadlines(this.limits.commitMs, clock);
    this.#quotas = new QuotaWatch(parts.statusOf, clock, log);
    this.sinks = { queue, log, commits: this.#commits, largeOctets: this.limits.largeOctets };
    this.admission = admission(queue);
    this.mailRules = chain<Mail>({ loginRequired, admission: this.admission, messageSize, ownSender });
    this.rcptRules = chain<Rcpt>({
      relay: mayRelay,
      draining: notDraining,
      known,
      recipientCount: recipientCount(this.limits.targets),
      messageSize: domainMessageSize,
      suspended: notSuspended,
      full: notFull((mailbox, size) => this.#quotas.isFull(mailbox, size)),
    });
  }

  get parts(): MailroomParts {
    return this.#parts;
  }

  directory(): Directory {
    return this.#parts.live.current();
  }

  /** Counts a refusal. Some of each kind are logged, with how many were not. */
  refused({ rule, reply: { code, enhanced } }: Refusal, fields: object): void {
    this.#parts.refused?.(rule);
    this.#told.info(rule, () => ({ ...fields, rule, code, enhanced }), "refused");
  }

  /** Of the newest directory. */
  ranks(): Ranks {
    const directory = this.directory();
    if (this.#ranks?.directory !== directory) this.#ranks = ranksOf(directory);
    return this.#ranks;
  }

  [Symbol.dispose](): void {
    this.#told[Symbol.dispose]();
    this.arrivals[Symbol.dispose]();
    this.#commits[Symbol.dispose]();
    this.#lookups?.[Symbol.dispose]();
    this.#quotas.close();
  }
}
