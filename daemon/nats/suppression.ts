/**
 * The suppression list of this process: followed in memory, written in the background.
 *
 * Memory:  about 150 octets an address; the stream's size bounds how many there are.
 * Fails:   never on the way of a message. What cannot be written is told in the log and forgotten: the next refusal says it
 *          again. While NATS is away the list is as it was.
 * Safety:  records that came by way of the server's answers are not believed (docs/security.md).
 */
import type { Suppressed, SuppressionList, SuppressionRecord } from "../deliver/suppression/list.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { Slots } from "../kit/slots.ts";
import type { Address } from "../mail/address.ts";
import type { Link } from "./connect.ts";
import {
  filterOf,
  keyOf,
  keyOfSubject,
  parseRecord,
  putRecord,
  removeRecord,
  SUPPRESSION_STREAM,
} from "./suppression-records.ts";
import { Tail, type TailMessage } from "./tail.ts";

/** Writes under way at once, and those that wait for a turn: what comes beyond is not worth its memory. */
const WRITES = 16;
const WAITING = 1_000;
const SWEEP_MS = 3_600_000;
/** How long a start waits for the list to be read. */
const PATIENCE_MS = 15_000;

export interface SuppressionOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: the lists of all namespaces. */
  readonly namespace?: string | undefined;
}

export class JetStreamSuppression implements SuppressionList, AsyncDisposable {
  readonly #o: SuppressionOptions;
  readonly #tail: Tail;
  /** By namespace and token. */
  readonly #known = new Map<string, Suppressed>();
  readonly #writes = new Slots(WRITES);
  #sweepAt: number;

  constructor(options: SuppressionOptions) {
    this.#o = options;
    const { link, log, namespace = link.confined, clock } = options;
    this.#sweepAt = clock.now() + SWEEP_MS;
    const filters = [filterOf(namespace)];
    this.#tail = new Tail(link, {
      stream: SUPPRESSION_STREAM,
      filters,
      onMessage: (m) => this.#hear(m),
      log,
    });
  }

  /** Resolves when the list is known, or it is no longer worth the wait: mail goes on. */
  async start(signal: AbortSignal): Promise<this> {
    const { clock, log } = this.#o;
    const known = this.#tail.begin().then(() => this.#tail.caughtUp);
    known.catch(() => {});
    const enough = new AbortController();
    const late = clock.sleep(PATIENCE_MS, AbortSignal.any([signal, enough.signal])).then(() => "late");
    late.catch(() => {});
    const end = await Promise.race([known, late]);
    enough.abort();
    if (end === "late") log.warn({}, "the suppression list cannot be read yet; mail goes on without it");
    return this;
  }

  get size(): number {
    return this.#known.size;
  }

  find(namespace: string, address: Address): Suppressed | undefined {
    if (this.#known.size === 0) return undefined;
    return this.#known.get(keyOf(namespace, address));
  }

  /** Known at once: whoever settles the next message to the address knows of this one. */
  put(namespace: string, record: SuppressionRecord): void {
    const { link, clock } = this.#o;
    const key = keyOf(namespace, record.address);
    const before = this.#known.get(key);
    const mine = kept(record);
    const written = this.#write(() => putRecord(link, namespace, record, clock.now()));
    if (written === undefined) return;
    this.#known.set(key, mine);
    void written.then((ok) => {
      if (ok || this.#known.get(key) !== mine) return;
      if (before) this.#known.set(key, before);
      else this.#known.delete(key);
    });
  }

  remove(namespace: string, address: Address): void {
    this.#known.delete(keyOf(namespace, address));
    void this.#write(() => removeRecord(this.#o.link, namespace, address));
  }

  /** Whether it was written; `undefined`: too many wait already. */
  #write(write: () => Promise<void>): Promise<boolean> | undefined {
    if (this.#writes.waiting >= WAITING) return undefined;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#writes.queue(() => {
      write()
        .then(
          () => resolve(true),
          (error: unknown) => {
            this.#o.log.warn({ err: error }, "the suppression list could not be changed");
            resolve(false);
          },
        )
        .finally(() => this.#writes.give());
    });
    return promise;
  }

  #hear({ subject, data, forged }: TailMessage): void {
    if (forged) return;
    const record = parseRecord(subject, data);
    if (record === undefined) this.#known.delete(keyOfSubject(subject));
    else this.#known.set(keyOfSubject(subject), kept(record));
    this.#sweep();
  }

  /** What has ended is of no use; the server has forgotten it already. */
  #sweep(): void {
    const now = this.#o.clock.now();
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + SWEEP_MS;
    for (const [key, { until }] of this.#known) if (until <= now) this.#known.delete(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail[Symbol.asyncDispose]();
  }
}

/** What memory keeps of it. */
function kept({ by, bounce, at, until, watched }: SuppressionRecord): Suppressed {
  return {
    by,
    at,
    until,
    ...(bounce === undefined ? {} : { bounce }),
    ...(watched === undefined ? {} : { watched }),
  };
}
