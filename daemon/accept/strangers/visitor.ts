/**
 * The client of one connection: what it does is counted, mistakes make it wait, and a recipient's domain may look at who
 * it is before it takes mail from it.
 *
 * In:     what happens on the connection, with the client's standing at that moment.
 * Out:    refusals, waits; never throws.
 * Whom:   strangers and users are counted; strangers from the network are looked at. Who is on this machine has no address
 *         that the DNS could vouch for.
 */
import type { DomainEntry } from "../../directory/directory.ts";
import type { TarpitEntry } from "../../directory/protection.ts";
import { clientNetwork, isLoopback, networkAround } from "../../kit/cidr.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Rates } from "../../kit/rate.ts";
import { type Address, localPartOf } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Later } from "../../smtp/mailroom.ts";
import { replies } from "../replies.ts";
import {
  type Counted,
  countOn,
  domainMetersOf,
  metersOf,
  mistakesOf,
  type Whence,
  waitOn,
} from "../rules/rates.ts";
import { after, type Refusal, refusal } from "../rules/rule.ts";
import { tarpitMs } from "../rules/tarpit.ts";
import type { Standing } from "../standing.ts";
import type { Greylist } from "./greylist.ts";
import type { ClientLookups } from "./lookups.ts";
import { type Suspicion, suspicionOf } from "./suspicion.ts";
import type { Tarpit } from "./tarpit.ts";

export interface VisitorParts {
  readonly rates: Rates;
  readonly clock: Clock;
  readonly tarpit: Tarpit;
  /** Absent: nobody is looked up. */
  readonly lookups: ClientLookups | undefined;
  readonly greylist: Greylist | undefined;
}

/** A recipient of ours that every other rule welcomes. */
export interface Approach {
  readonly standing: Standing;
  readonly domain: DomainEntry;
  readonly sender: Address | "";
  readonly recipient: Address;
  readonly helo: string;
  readonly isOurs: (name: string) => boolean;
  readonly signal: AbortSignal;
  /** Told what the domain thinks of the client, unless it refuses. */
  readonly suspect: (suspicion: Suspicion) => void;
}

/** Where no domain is concerned. */
const usualTarpit: TarpitEntry = { after: 20, firstMs: 1_000, longestMs: 15_000 };

export class Visitor {
  readonly whence: Whence;
  readonly #address: string;
  readonly #parts: VisitorParts;
  /** By domain, for the newest HELO: asked once a connection. */
  readonly #suspicions = new Map<string, Promise<Suspicion>>();
  #helo = "";

  constructor(parts: VisitorParts, address: string) {
    this.#parts = parts;
    this.#address = address;
    this.whence = { client: clientNetwork(address), network: networkAround(address) };
  }

  /** A connection, or a login: counted. What the client did before may keep it out. */
  arrived(standing: Standing): Refusal | undefined {
    const wait = this.#count("connections", standing);
    if (wait > 0) return refusal("connectionRate", replies.tooManyConnections(wait));
    const mistakes = this.#wait("errors", standing);
    if (mistakes > 0) return refusal("errorRate", replies.tooManyMistakes(mistakes));
    const guesses = this.#wait("unknown", standing);
    return guesses > 0 ? refusal("harvest", replies.tooManyGuesses(guesses)) : undefined;
  }

  mistake(standing: Standing): Refusal | undefined {
    const wait = this.#count("errors", standing);
    return wait > 0 ? refusal("errorRate", replies.tooManyMistakes(wait)) : undefined;
  }

  /** A name that does not exist. `otherwise` is spoken while there are few of them. */
  guessed(standing: Standing, domain: DomainEntry | undefined, otherwise: Reply): Refusal {
    const meters = [
      ...metersOf("unknown", standing, this.whence),
      ...(domain ? domainMetersOf("unknown", standing, this.whence, domain) : []),
    ];
    const wait = countOn(this.#parts.rates, meters, this.#now);
    return wait > 0 ? refusal("harvest", replies.tooManyGuesses(wait)) : refusal("known", otherwise);
  }

  /** One recipient more. */
  addressed(standing: Standing, domain: DomainEntry | undefined): Refusal | undefined {
    const meters = [
      ...metersOf("recipients", standing, this.whence),
      ...(domain ? domainMetersOf("recipients", standing, this.whence, domain) : []),
    ];
    const wait = countOn(this.#parts.rates, meters, this.#now);
    return wait > 0 ? refusal("recipientRate", replies.tooManyAddressed(wait)) : undefined;
  }

  /** Resolves when a client that makes many mistakes may have its answer; `undefined`: at once. */
  pause(
    standing: Standing,
    signal: AbortSignal,
    terms: TarpitEntry = usualTarpit,
  ): undefined | Promise<void> {
    const { rates, tarpit } = this.#parts;
    return tarpit.wait(tarpitMs(mistakesOf(rates, standing, this.whence, this.#now), terms), signal);
  }

  /** What a recipient's domain makes of a stranger. */
  approach(approach: Approach): Later<Refusal | undefined> {
    const { standing, domain, recipient } = approach;
    const { looks, greylisting: terms } = domain.protection;
    if (standing.kind !== "stranger" || !(looks || terms) || isLoopback(this.#address)) return undefined;
    const { lookups, greylist } = this.#parts;
    let isGood = false;
    const looked = looks && lookups && this.#look(approach, lookups, (score) => (isGood = score < 0));
    return after(looked || undefined, () =>
      terms && greylist && !isGood
        ? greylist.judge({
            network: this.whence.network ?? this.whence.client,
            sender: approach.sender,
            recipient,
            terms,
          })
        : undefined,
    );
  }

  async #look(
    { domain, helo, isOurs, recipient, suspect, signal }: Approach,
    lookups: ClientLookups,
    scored: (score: number) => void,
  ): Promise<Refusal | undefined> {
    const { protection } = domain;
    if (helo !== this.#helo) this.#suspicions.clear();
    this.#helo = helo;
    const asking =
      this.#suspicions.get(domain.domain) ??
      suspicionOf(protection, { client: this.#address, helo, isOurs }, lookups);
    this.#suspicions.set(domain.domain, asking);
    const suspicion = await asking;
    scored(suspicion.score);
    if (suspicion.slow) await this.#parts.tarpit.wait(protection.tarpit.longestMs, signal);
    // RFC 5321 §4.5.1: whoever is refused must be able to ask why.
    if (suspicion.refusal && localPartOf(recipient).toLowerCase() !== "postmaster") return suspicion.refusal;
    suspect(suspicion);
    return undefined;
  }

  get #now(): number {
    return this.#parts.clock.monotonic();
  }

  #count(what: Counted, standing: Standing): number {
    return countOn(this.#parts.rates, metersOf(what, standing, this.whence), this.#now);
  }

  #wait(what: Counted, standing: Standing): number {
    return waitOn(this.#parts.rates, metersOf(what, standing, this.whence), this.#now);
  }
}
