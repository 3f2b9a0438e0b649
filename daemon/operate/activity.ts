/**
 * What happens now: how many messages come and go a minute, and what fails, from the log of events.
 *
 * It is followed only while somebody looks: the first question starts it with the last minutes of the log, and it ends
 * `IDLE_MS` after the last one.
 *
 * Memory: counts of a few minutes by ten seconds, and the newest `KEPT` troubles.
 * Fails:  never. While NATS is away the figures stay as they were.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Link } from "../nats/connect.ts";
import { followEvents } from "../nats/events.ts";
import type { TraceEvent } from "../queue/events.ts";

const countedKinds = ["accepted", "delivered", "deferred", "failed", "expired"] as const;
export type Counted = (typeof countedKinds)[number];

export interface Trouble {
  /** The last time, ms since the epoch. */
  readonly at: number;
  readonly kind: "deferred" | "failed" | "expired";
  /** Who answered; absent: we. */
  readonly by?: string;
  /** `451 4.7.1 Later`. */
  readonly reply: string;
  readonly count: number;
  /** One of them, to look at. */
  readonly message: string;
}

export interface Activity {
  /** Events a minute, over the last whole minutes. */
  readonly perMinute: Readonly<Record<Counted, number>>;
  /** The newest first. */
  readonly troubles: readonly Trouble[];
}

const SLOT_MS = 10_000;
const SLOTS = 12;
const KEPT = 50;
const IDLE_MS = 60_000;

type Counts = Record<Counted, number>;

export class ActivityWatch implements AsyncDisposable {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By the number of the slot. */
  readonly #slots = new Map<number, Counts>();
  readonly #troubles = new Map<string, Trouble>();
  #following: Promise<AsyncDisposable> | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(link: Link, clock: Clock, log: Log) {
    this.#link = link;
    this.#clock = clock;
    this.#log = log;
  }

  async now(): Promise<Activity> {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.#stop(), IDLE_MS);
    this.#idle.unref();
    this.#following ??= this.#start();
    await this.#following.catch((error: unknown) => {
      this.#following = undefined; // the next question tries again
      this.#log.warn({ err: error }, "message events cannot be followed: what happened lately is not known");
    });
    return { perMinute: this.#rates(), troubles: [...this.#troubles.values()].reverse() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    await this.#stop();
  }

  #start(): Promise<AsyncDisposable> {
    const since = this.#clock.now() - SLOTS * SLOT_MS;
    return followEvents(this.#link, { since, onEvent: (event) => this.#take(event), log: this.#log });
  }

  async #stop(): Promise<void> {
    const following = this.#following;
    this.#following = undefined;
    await (await following?.catch(() => undefined))?.[Symbol.asyncDispose]();
    this.#slots.clear();
    this.#troubles.clear();
  }

  #take(event: TraceEvent): void {
    if (!isCounted(event)) return;
    const slot = Math.floor(event.at / SLOT_MS);
    const counts = this.#slots.get(slot) ?? noCounts();
    counts[event.kind] += 1;
    if (!this.#slots.has(slot)) this.#open(slot, counts);
    if (isTrouble(event)) this.#note(event);
  }

  #open(slot: number, counts: Counts): void {
    this.#slots.set(slot, counts);
    for (const old of this.#slots.keys()) if (old < slot - SLOTS) this.#slots.delete(old);
  }

  /** The same answer of the same host is one trouble, however often it comes. */
  #note(event: Troubling): void {
    const { code, enhanced, text } = event.reply;
    const reply = `${code} ${enhanced} ${text}`.slice(0, 300);
    const by = event.remote?.name;
    const id = `${event.kind} ${by ?? ""} ${reply}`;
    const count = (this.#troubles.get(id)?.count ?? 0) + 1;
    this.#troubles.delete(id);
    const { at, kind, message } = event;
    this.#troubles.set(id, { at, kind, reply, count, message, ...(by === undefined ? {} : { by }) });
    if (this.#troubles.size <= KEPT) return;
    const [oldest = ""] = this.#troubles.keys();
    this.#troubles.delete(oldest);
  }

  /** Whole slots only: the one that is just filling would look like a fall. */
  #rates(): Counts {
    const current = Math.floor(this.#clock.now() / SLOT_MS);
    const sum = noCounts();
    const span = 60_000 / SLOT_MS;
    for (const [slot, counts] of this.#slots) {
      if (slot >= current || slot < current - span) continue;
      for (const kind of countedKinds) sum[kind] += counts[kind];
    }
    return sum;
  }
}

const noCounts = (): Counts => ({ accepted: 0, delivered: 0, deferred: 0, failed: 0, expired: 0 });
type Of<Kind> = Extract<TraceEvent, { readonly kind: Kind }>;
type Troubling = Of<"deferred"> | Of<"failed"> | Of<"expired">;
const isCounted = (event: TraceEvent): event is Troubling | Of<"accepted"> | Of<"delivered"> =>
  (countedKinds as readonly string[]).includes(event.kind);
const isTrouble = (event: TraceEvent): event is Troubling =>
  event.kind === "deferred" || event.kind === "failed" || event.kind === "expired";
