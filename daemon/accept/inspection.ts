/**
 * The seam between a message that arrives and the examination of its origin.
 *
 * In:     an examination of the message, the directory, the domains of its named recipients.
 * Out:    the header section as it is kept (forged results of ours are gone), and at the end a judgement: refused with a
 *         reply, or taken, with our results field and with the domains whose mail goes into Junk.
 * Spec:   RFC 8601 §5 (forged fields), RFC 7372 (codes), RFC 7489 §6.6.
 */
import type { Evidence } from "../auth/origin/evidence.ts";
import { resultsField, withoutForged } from "../auth/origin/results-field.ts";
import { type Choices, judge, type Verdict } from "../auth/origin/verdict.ts";
import type { Directory, DomainEntry } from "../directory/directory.ts";
import type { Log } from "../kit/log.ts";
import type { Domain } from "../mail/address.ts";
import type { Reply } from "../mail/reply.ts";
import type { Disposition } from "../mail/report/dmarc.ts";
import { type DmarcFact, dmarcFacts } from "./dmarc-fact.ts";
import { replies } from "./replies.ts";

/** What is asked of `auth/origin/examination`. */
export interface Examining {
  header(section: Buffer): void;
  write(octets: Uint8Array): void | Promise<void>;
  end(): Promise<Evidence>;
  abort(): void;
}

export interface Envelope {
  /** The client's address. */
  readonly client: string;
  readonly helo: string;
  /** Empty for the null one. */
  readonly reversePath: string;
}

export type Examine = (envelope: Envelope) => Examining;

export type Judgement =
  | { readonly kind: "refuse"; readonly reply: Reply }
  | {
      readonly kind: "take";
      readonly field: string;
      readonly isJunk: (domain: Domain) => boolean;
      /** To be called when the message is durable: what did not come in did not happen, and comes again. */
      readonly count: () => void;
    };

export interface InspectionOptions {
  readonly examination: Examining;
  readonly envelope: Envelope;
  readonly directory: Directory;
  /** Of the recipients as they were named. */
  readonly domains: () => Iterable<DomainEntry>;
  readonly hostname: string;
  /** What DMARC reports count. */
  readonly observe?: ((fact: DmarcFact) => void) | undefined;
  readonly log: Log;
}

/** What holds for a domain that was published before it could choose. */
const usual: Choices = {
  spf: { fail: "Mark", softFail: "Mark" },
  dkim: { fail: "Mark" },
  dmarc: { none: "Mark", quarantine: "Junk", reject: "Reject" },
};
const chosen = (entry: DomainEntry | undefined): Choices => entry?.spec.inbound ?? usual;

export class Inspection {
  readonly #o: InspectionOptions;

  constructor(options: InspectionOptions) {
    this.#o = options;
  }

  /** Takes the whole section and gives what is kept of it. */
  header(section: Buffer): Buffer {
    this.#o.examination.header(section);
    return withoutClaims(section, this.#o);
  }

  write(octets: Uint8Array): void | Promise<void> {
    return this.#o.examination.write(octets);
  }

  abort(): void {
    this.#o.examination.abort();
  }

  async end(): Promise<Judgement> {
    const evidence = await this.#o.examination.end();
    const { directory, hostname, domains } = this.#o;
    const entries = [...domains()];
    const verdicts = entries.map((entry) => judge(evidence, chosen(entry)));
    const deferred = verdicts.find(({ kind }) => kind === "defer");
    if (deferred) return this.#refuse(deferred, evidence);
    const [first] = verdicts;
    if (first && verdicts.every(({ kind }) => kind === "reject")) {
      this.#count(evidence, entries, () => "reject");
      return this.#refuse(first, evidence);
    }
    const isJunk = (domain: Domain) => {
      const { kind } = judge(evidence, chosen(directory.domain(domain)));
      return kind === "junk" || kind === "reject";
    };
    // Only into mailboxes of ours a message can be filed apart.
    const disposition = (entry: DomainEntry) =>
      entry.delivery.kind === "mailbox" && isJunk(entry.domain) ? "quarantine" : "none";
    const count = () => this.#count(evidence, entries, disposition);
    return { kind: "take", field: resultsField(hostname, evidence), isJunk, count };
  }

  #count(
    evidence: Evidence,
    entries: readonly DomainEntry[],
    disposition: (entry: DomainEntry) => Disposition,
  ): void {
    const { observe, envelope } = this.#o;
    if (observe === undefined || !entries.some(({ dmarcReports }) => dmarcReports)) return;
    const judged = entries.map((entry) => ({ entry, disposition: disposition(entry) }));
    for (const fact of dmarcFacts(evidence, envelope, judged)) observe(fact);
  }

  #refuse(verdict: Verdict, { spf, dkim, dmarc }: Evidence): Judgement {
    const { envelope, log } = this.#o;
    const reply = replyTo(verdict);
    const { code, enhanced } = reply;
    const facts = {
      client: envelope.client,
      from: envelope.reversePath,
      author: dmarc.domain,
      code,
      enhanced,
    };
    const results = { spf: spf.result, dkim: dkim.map(({ result }) => result), dmarc: dmarc.result };
    log.info({ ...facts, ...results }, "a message was refused by its origin");
    return { kind: "refuse", reply };
  }
}

/** The section without results that claim to be ours: nobody else may speak in our name, nor in that of a domain of ours. */
export function withoutClaims(
  section: Buffer,
  { hostname, directory }: Pick<InspectionOptions, "hostname" | "directory">,
): Buffer {
  return withoutForged(section, (id) => {
    if (id === hostname.toLowerCase()) return true;
    for (let name = id; name.includes("."); name = name.slice(name.indexOf(".") + 1))
      if (directory.domain(name as Domain)) return true;
    return false;
  });
}

function replyTo(verdict: Verdict): Reply {
  if (verdict.kind === "keep" || verdict.kind === "defer") return replies.originUnknown;
  switch (verdict.because) {
    case "spf":
      return replies.spfFailed;
    case "dkim":
      return replies.dkimFailed;
    case "dmarc":
      return replies.dmarcFailed;
  }
}
