/**
 * The traffic of a soak, at a modest rate: clients that may relay, users who log in to send, strangers; programs that work in
 * a mailbox; users who read by IMAP and POP3 and remove; and somebody who looks at the console all the time.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Dice, diceFrom } from "../chance.ts";
import type { Expected, Ledger } from "../ledger.ts";
import { Load } from "../load.ts";
import { type Draft, Mix, mailboxes, senderMailbox } from "../mix.ts";
import { Account } from "../race/account.ts";
import { Racer } from "../race/racer.ts";
import { shownBy } from "../race/shown.ts";
import { type Collector, imapCollector, pop3Collector } from "./collectors.ts";
import { deadSite, type Fleet, password, sites, stranger, worker } from "./fleet.ts";

/** Messages a second. */
const rates = { relayed: 5, submitted: 2, strange: 1 } as const;
/** One in so many goes where nobody listens, and comes back. */
const DEAD = 40;
const WORKERS = 3;
const MOOD_MS = 45_000;
const LOOK_MS = 3_000;

/** The mix of the fault tests, and mail for a dead site. */
function toSites(dice: Dice, run: string) {
  const mix = new Mix(dice, run, sites);
  return {
    next(): Draft {
      const draft = mix.next();
      if (dice.whole(1, DEAD) > 1) return draft;
      return { ...draft, expected: [{ address: `gone-${draft.id}@${deadSite}`, fate: "bounce" }] };
    },
  };
}

function toMailboxes(dice: Dice, run: string) {
  let serial = 0;
  return {
    next(): Draft {
      const address = dice.pick(mailboxes as [string, ...string[]]);
      const expected: Expected[] = [{ address, fate: "mailbox" }];
      return { id: `${run}-${serial++}`, octets: dice.happens(0.1) ? 200_000 : 4_000, expected };
    },
  };
}

export class Traffic {
  readonly collectors: readonly Collector[];
  readonly #fleet: Fleet;
  readonly #loads: readonly Load[];
  readonly #racers: readonly Racer[];
  readonly #account = new Account();
  readonly #sending = new AbortController();
  readonly #reading = new AbortController();
  readonly #work: Promise<unknown>;
  readonly #reads: Promise<unknown>;
  /** Answers of the API. */
  looked = 0;

  /** `failed` is called at once when anything goes wrong that is not mail. */
  constructor(fleet: Fleet, ledger: Ledger, seed: number, failed: (error: unknown) => void) {
    this.#fleet = fleet;
    const dice = diceFrom(seed);
    const { smtp, submissions, imaps, pop3s } = fleet.ports;
    const login = { user: senderMailbox, password };
    const common = { ledger, connections: 4 };
    this.#loads = [
      new Load({ ...common, port: smtp, rate: rates.relayed, mix: toSites(dice, "relayed") }),
      new Load({
        ...common,
        port: submissions,
        rate: rates.submitted,
        mix: toSites(dice, "submitted"),
        client: { login },
      }),
      new Load({
        ...common,
        port: smtp,
        rate: rates.strange,
        mix: toMailboxes(dice, "strange"),
        client: { from: stranger.address },
        sender: stranger.sender,
      }),
    ];
    const [byPop3 = "", ...byImap] = mailboxes;
    this.collectors = [
      pop3Collector(byPop3, pop3s),
      ...[...byImap, senderMailbox].map((address) => imapCollector(address, imaps)),
    ];
    this.#racers = Array.from({ length: WORKERS }, (_, n) => {
      const course = { account: this.#account, user: worker, password, port: () => imaps, pause: 200 };
      return new Racer(`w${n}`, { ...course, dice: diceFrom(seed + n) });
    });
    const stop = this.#sending.signal;
    this.#work = Promise.all([
      ...this.#racers.map((racer) => racer.run(stop)),
      this.#moods(stop),
      this.#look(stop),
    ]);
    this.#reads = Promise.all(this.collectors.map((collector) => collector.run(this.#reading.signal)));
    for (const part of [this.#work, this.#reads]) part.catch(failed);
  }

  /** Commands that programs gave in their mailbox. */
  get commands(): number {
    return this.#racers.reduce((sum, { steps }) => sum + steps, 0);
  }

  /** Resolves when nothing new comes. */
  async stopSending(): Promise<void> {
    this.#sending.abort();
    await Promise.all(this.#loads.map((load) => load.stop()));
    await this.#work;
    this.#fleet.moody.deferring = false;
  }

  /** When the queue is empty: resolves when all that was filed has been read. */
  async stopReading(): Promise<void> {
    this.#reading.abort();
    await this.#reads;
  }

  /** What is wrong in the mailbox where programs work. */
  async workFaults(): Promise<string[]> {
    const shown = await shownBy(this.#fleet.ports.imaps, { user: worker, password });
    const cut = this.#racers
      .filter((racer) => racer.cut > 0)
      .map((racer) => `a program was cut off ${racer.cut} times`);
    return [...this.#account.check(shown), ...cut];
  }

  async #moods(stop: AbortSignal): Promise<void> {
    const { moody } = this.#fleet;
    while (!stop.aborted) {
      await delay(MOOD_MS, undefined, { signal: stop }).catch(() => {});
      moody.deferring = !moody.deferring;
    }
  }

  async #look(stop: AbortSignal): Promise<void> {
    const { base, token } = this.#fleet.api;
    const paths = [
      "/overview",
      "/queue/groups",
      "/queue/jobs",
      "/domains",
      "/mailboxes",
      "/policies",
      "/sites",
    ];
    while (!stop.aborted) {
      for (const path of paths) {
        const answer = await fetch(`${base}${path}`, { headers: { authorization: `Bearer ${token}` } });
        await answer.arrayBuffer();
        if (!answer.ok) throw new Error(`the API answers ${answer.status} to ${path}`);
        this.looked++;
      }
      for (const daemon of this.#fleet.daemons) await daemon.metrics();
      await delay(LOOK_MS, undefined, { signal: stop }).catch(() => {});
    }
  }
}
