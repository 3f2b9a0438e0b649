/**
 * Shares counts of clients between pods, so that a client or user has one rate however many gateways it comes to.
 *
 * Told:    what was taken in the last fifth of a second, summed by key, in one message of core NATS; nothing is stored, and
 *          nothing is awaited. So pods know of each other's counts a fifth of a second late, and what a client sends at
 *          once through several pods within that time may exceed its rate once.
 * New:     who starts, or was cut off, asks; one of the others tells what it knows.
 * Bounded: keys in a message, and so messages a second; keys beyond that are counted by this pod alone.
 * Fails:   never. While NATS is away each pod counts what it sees itself; that is not told afterwards.
 * Trust:   messages carry a keyed hash: what a namespace's user can make the server write here is not believed.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { nuid, type Subscription } from "@nats-io/transport-node";
import type { Log } from "../kit/log.ts";
import type { Rates } from "../kit/rate.ts";
import type { Link } from "./connect.ts";

export interface SharedCountsOptions {
  readonly link: Link;
  /** Daemons that share their counts: a namespace's own; without one, those who serve every namespace. */
  readonly group?: string;
  readonly rates: Rates;
  /** The same in every pod of the group. */
  readonly key: Buffer;
  /** Of the clock that `rates` is asked with. */
  readonly now: () => number;
  readonly log: Log;
}

const flushMs = 200;
const keysInMessage = 1_000;
/** What is told to who asks. */
const keysKnown = 5_000;
const keyOctets = 400;
const proofOctets = 16;
const longestMs = 3_600_000;

type Entry = readonly [key: string, ms: number];

interface Said {
  readonly by: string;
  /** `know`: what is on the slates, all in all. */
  readonly kind: "took" | "know";
  readonly entries: readonly Entry[];
}

export const countsSubject = (group = "_"): string => `counts.${group.replace(/[^A-Za-z0-9_-]/g, "_")}`;

export class SharedCounts implements Disposable {
  readonly #options: SharedCountsOptions;
  readonly #subject: string;
  readonly #author = nuid.next();
  readonly #took = new Map<string, number>();
  readonly #subscriptions: Subscription[] = [];
  #timer: NodeJS.Timeout | undefined;
  #forgetDown = () => {};
  readonly #stop = new AbortController();

  constructor(options: SharedCountsOptions) {
    this.#options = options;
    this.#subject = countsSubject(options.group);
  }

  start(): this {
    const { link, rates } = this.#options;
    rates.told = (key, ms) => this.#take(key, ms);
    this.#subscriptions.push(
      link.nc.subscribe(this.#subject, {
        callback: (error, { data }) => {
          if (!error) this.#hear(data);
        },
      }),
    );
    this.#ask();
    // One of those who listen here tells; the one who asks does not listen yet.
    this.#subscriptions.push(
      link.nc.subscribe(`${this.#subject}.ask`, {
        queue: "counts",
        callback: (error) => {
          if (!error) this.#tellAll();
        },
      }),
    );
    this.#watch();
    return this;
  }

  #take(key: string, ms: number): void {
    const before = this.#took.get(key);
    if (before === undefined && this.#took.size >= keysInMessage) return;
    this.#took.set(key, (before ?? 0) + ms);
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#flush(), flushMs);
    this.#timer.unref();
  }

  #flush(): void {
    this.#timer = undefined;
    const entries = [...this.#took];
    this.#took.clear();
    this.#say("took", entries);
  }

  /** What was taken goes first: else whoever asked would hear it twice. */
  #tellAll(): void {
    clearTimeout(this.#timer);
    this.#flush();
    const { rates, now } = this.#options;
    this.#say("know", rates.owed(now(), keysKnown));
  }

  #say(kind: Said["kind"], entries: readonly Entry[]): void {
    const { link, log } = this.#options;
    if (entries.length === 0 || !link.isUp()) return; // it would be told late, and in a heap
    const text = Buffer.from(JSON.stringify({ by: this.#author, kind, entries } satisfies Said));
    try {
      link.nc.publish(this.#subject, Buffer.concat([this.#proof(text), text]));
    } catch (error) {
      log.debug({ err: error }, "counts of clients could not be told to other pods");
    }
  }

  #ask(): void {
    const { link, log } = this.#options;
    try {
      if (link.isUp()) link.nc.publish(`${this.#subject}.ask`);
    } catch (error) {
      log.debug({ err: error }, "other pods could not be asked for their counts");
    }
  }

  #hear(data: Uint8Array): void {
    const octets = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const text = octets.subarray(proofOctets);
    if (octets.length < proofOctets || !timingSafeEqual(octets.subarray(0, proofOctets), this.#proof(text)))
      return;
    const said = parse(text);
    if (said === undefined || said.by === this.#author) return;
    const { rates, now } = this.#options;
    const at = now();
    for (const [key, ms] of said.entries) {
      if (said.kind === "took") rates.owe(key, ms, at);
      else rates.atLeast(key, ms, at);
    }
  }

  #proof(text: Uint8Array): Buffer {
    return createHmac("sha256", this.#options.key).update(text).digest().subarray(0, proofOctets);
  }

  #watch(): void {
    const forget = this.#options.link.onceDown(() => {
      if (!this.#stop.signal.aborted) void this.#again();
    });
    this.#forgetDown = () => void forget();
  }

  async #again(): Promise<void> {
    const { signal } = this.#stop;
    await this.#options.link.up(signal).catch(() => {});
    if (signal.aborted) return;
    this.#ask();
    this.#watch();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#options.rates.told = () => {};
    clearTimeout(this.#timer);
    this.#forgetDown();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }
}

/** Other versions may say more than we know; what is not whole is passed over. */
function parse(text: Buffer): Said | undefined {
  try {
    const { by, kind, entries } = JSON.parse(text.toString()) as Partial<Said>;
    if (typeof by !== "string" || (kind !== "took" && kind !== "know") || !Array.isArray(entries))
      return undefined;
    return { by, kind, entries: entries.slice(0, keysKnown).filter(isEntry) };
  } catch {
    return undefined;
  }
}

function isEntry(entry: unknown): entry is Entry {
  if (!Array.isArray(entry)) return false;
  const [key, ms] = entry as readonly unknown[];
  return (
    typeof key === "string" &&
    key.length <= keyOctets &&
    typeof ms === "number" &&
    Number.isFinite(ms) &&
    ms > 0 &&
    ms <= 2 * longestMs
  );
}
