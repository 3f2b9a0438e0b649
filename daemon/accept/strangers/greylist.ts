/**
 * Greylisting with a memory that all pods share.
 *
 * In:     a stranger's network, the sender, a recipient, the domain's terms.
 * Out:    a refusal for now, or none.
 * Fails:  a memory that does not answer has no opinion: mail comes in as if there were no greylisting.
 * Races:  whoever writes second reads nothing into it: the first try that was noted counts.
 * Spec:   RFC 6647.
 */
import type { GreylistEntry } from "../../directory/protection.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { Sampler } from "../../kit/sampler.ts";
import { TtlCache } from "../../kit/ttl-cache.ts";
import type { Address } from "../../mail/address.ts";
import { replies } from "../replies.ts";
import { correspondent, type GreyNote, greyStep, isAllowed } from "../rules/greylist.ts";
import { type Refusal, refusal } from "../rules/rule.ts";

export interface Noted {
  readonly note: GreyNote;
  /** For `replaces`. */
  readonly revision: number;
}

/** The memory. Keys may be anything; they are not kept as they are. */
export interface GreyBook {
  read(key: string): Promise<Noted | undefined>;
  /** False: somebody else wrote since `replaces` (0: since there was nothing). Forgotten after `ttlMs`. */
  write(key: string, note: GreyNote, ttlMs: number, replaces: number): Promise<boolean>;
}

export interface GreyMail {
  readonly network: string;
  readonly sender: Address | "";
  readonly recipient: Address;
  readonly terms: GreylistEntry;
}

/** What passes is not asked for again so soon. */
const passMs = 10 * 60_000;
const passes = 20_000;

export class Greylist {
  readonly #book: GreyBook;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #told = new Sampler(1, 60_000);
  readonly #passed = new TtlCache<true>(passes);

  constructor(book: GreyBook, clock: Clock, log: Log) {
    this.#book = book;
    this.#clock = clock;
    this.#log = log;
  }

  judge(mail: GreyMail): undefined | Promise<Refusal | undefined> {
    const key = correspondent(mail.network, mail.sender, mail.recipient);
    const now = this.#clock.monotonic();
    if (this.#passed.get(key, now) || this.#passed.get(mail.network, now)) return undefined;
    return this.#look(key, mail).catch((error: unknown) => {
      const untold = this.#told.tell("failed", this.#clock.monotonic());
      if (untold !== undefined)
        this.#log.warn({ err: error, untold }, "greylisting is left out: its memory does not answer");
      return undefined;
    });
  }

  async #look(key: string, { network, terms }: GreyMail): Promise<Refusal | undefined> {
    const [noted, around] = await Promise.all([
      this.#book.read(key),
      terms.allowAfter > 0 ? this.#book.read(network) : undefined,
    ]);
    const at = this.#clock.now();
    if (around && isAllowed(around.note, terms)) {
      if (at - around.note.at > terms.keepMs / 4)
        await this.#book.write(network, { ...around.note, at }, terms.keepMs, around.revision);
      return this.#pass(network);
    }
    const step = greyStep(noted?.note, terms, at);
    switch (step.kind) {
      case "pass":
        return this.#pass(key);
      case "wait":
        if (step.first)
          await this.#book.write(
            key,
            { kind: "tried", at },
            terms.withinMs + terms.delayMs,
            noted?.revision ?? 0,
          );
        return refusal("greylist", replies.greylisted(step.ms));
      case "remember": {
        const written = await this.#book.write(
          key,
          { kind: "known", at },
          terms.keepMs,
          noted?.revision ?? 0,
        );
        if (written && step.first && terms.allowAfter > 0) await this.#count(network, around, terms, at);
        return this.#pass(key);
      }
    }
  }

  /** One more that came back from there. A count that is lost to a race is no harm: the next one follows. */
  async #count(
    network: string,
    around: Noted | undefined,
    { keepMs }: GreylistEntry,
    at: number,
  ): Promise<void> {
    const known = (around?.note.kind === "network" ? around.note.known : 0) + 1;
    await this.#book.write(network, { kind: "network", known, at }, keepMs, around?.revision ?? 0);
  }

  #pass(key: string): undefined {
    const now = this.#clock.monotonic();
    this.#passed.set(key, true, now + passMs, now);
    return undefined;
  }
}
