/**
 * The queue port in memory, for unit tests of its users. Passes the same contract suite as the JetStream adapter, but
 * for what only a disk can show.
 */
import type { Clock } from "../kit/clock.ts";
import { reply } from "../mail/reply.ts";
import { newMessageId } from "./ids.ts";
import type { Job, JobKey, MessageId, PolicyName, Queued } from "./job.ts";
import {
  type Admission,
  BodyMissing,
  type BodyWriter,
  type FinishedBody,
  type NewMessage,
  type OwnerEvents,
  type Ownership,
  type Pool,
  type Queue,
  QueueError,
  type Settlement,
} from "./queue.ts";

interface Kept {
  readonly revision: number;
  readonly job: Job;
  readonly octets: Uint8Array;
}

export class MemoryQueue implements Queue {
  readonly #clock: Clock;
  readonly #kept = new Map<JobKey, Kept>();
  readonly #owners = new Set<{ readonly pool: Pool; readonly events: OwnerEvents }>();
  #revision = 0;
  #refuse: QueueError | undefined;
  #open: Admission = { open: true };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on every write fails like a store that is away; `undefined` heals it. */
  fail(
    error: QueueError | undefined = new QueueError(reply(451, "4.3.0", "Our queue is not available")),
  ): void {
    this.#refuse = error;
  }

  heal(): void {
    this.#refuse = undefined;
  }

  setAdmission(admission: Admission): void {
    this.#open = admission;
  }

  admission(): Admission {
    return this.#open;
  }

  newId(): MessageId {
    return newMessageId(this.#clock.now());
  }

  openBody(_id: MessageId, _signal: AbortSignal): BodyWriter {
    const parts: Uint8Array[] = [];
    let size = 0;
    return {
      get size() {
        return size;
      },
      write: (octets) => {
        this.#check();
        parts.push(Uint8Array.from(octets));
        size += octets.length;
      },
      finish: async (): Promise<FinishedBody> => ({ kind: "inline", octets: Buffer.concat(parts) }),
      abandon: () => {
        parts.length = 0;
      },
    };
  }

  async *readBack(_id: MessageId, body: FinishedBody): AsyncIterable<Uint8Array> {
    this.#check();
    if (body.kind === "inline") yield body.octets;
  }

  async accept(message: NewMessage, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#check();
    if (message.jobs.length === 0) throw new RangeError("a message needs at least one job");
    this.#create(message);
  }

  #create({ jobs, body }: NewMessage): void {
    const octets = body.kind === "inline" ? body.octets : new Uint8Array();
    for (const draft of jobs) {
      const key = `0.${draft.class}.${draft.policy}.0.${draft.message}.${draft.group}` as JobKey;
      this.#put(key, { ...draft, body: { kind: "inline", size: octets.length } }, octets);
    }
  }

  #put(key: JobKey, job: Job, octets: Uint8Array): void {
    const kept = { revision: ++this.#revision, job, octets };
    this.#kept.set(key, kept);
    for (const owner of this.#owners) if (matches(owner.pool, job)) owner.events.put(queuedOf(key, kept), 0);
  }

  async read(key: JobKey): Promise<Queued | undefined> {
    const kept = this.#kept.get(key);
    return kept && queuedOf(key, kept);
  }

  async *body(queued: Queued): AsyncIterable<Uint8Array> {
    const kept = this.#kept.get(queued.key);
    const octets = queued.inline ?? kept?.octets;
    if (octets === undefined) throw new BodyMissing(`no body for ${queued.key}`);
    yield octets;
  }

  async settle(change: Settlement): Promise<"done" | "stale"> {
    this.#check();
    const kept = this.#kept.get(change.key);
    if (kept?.revision !== change.revision) return "stale";
    if (change.next) this.#put(change.key, change.next, kept.octets);
    else {
      this.#kept.delete(change.key);
      for (const owner of this.#owners) if (matches(owner.pool, kept.job)) owner.events.gone(change.key);
    }
    for (const message of change.also) this.#create(message);
    return "done";
  }

  forget(): void {}

  async own(pool: Pool, events: OwnerEvents): Promise<Ownership> {
    const owner = { pool, events };
    this.#owners.add(owner);
    events.gained([0]);
    for (const [key, kept] of this.#kept) if (matches(pool, kept.job)) events.put(queuedOf(key, kept), 0);
    const release = async () => {
      if (this.#owners.delete(owner)) events.lost([0]);
    };
    return { mayStart: () => this.#owners.has(owner), release, [Symbol.asyncDispose]: release };
  }

  async *list(): AsyncIterable<Queued> {
    for (const [key, kept] of [...this.#kept]) yield { key, revision: kept.revision, job: kept.job };
  }

  #check(): void {
    if (this.#refuse) throw this.#refuse;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const matches = (pool: Pool, job: { readonly class: string; readonly policy: PolicyName }) =>
  pool.class === job.class && (pool.policy === undefined || pool.policy === job.policy);

const queuedOf = (key: JobKey, { revision, job, octets }: Kept): Queued => ({
  key,
  revision,
  job,
  ...(job.body.kind === "inline" ? { inline: octets } : {}),
});
