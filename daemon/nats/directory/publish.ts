/**
 * Publishes what is declared into the directory bucket.
 *
 * In:     the complete list of declared resources, each time; and those that are not decided upon yet, whose records stay
 *         as they are (a publisher that has just started need not know everything before it may speak).
 * Out:    only what differs is written, what is gone is deleted, and the revision rises by one, for all and for each
 *         namespace that is touched; nothing differs: nothing is written. Up to `chunk` changes are one atomic batch
 *         together with their revision; larger changes are several batches, and daemons go on with the old state until
 *         the last one brings the revision.
 * Whose:  records carry the name of their publisher, and a publisher deletes its own only. Of two that declare the same
 *         resource the first has it, until it lets go; the later one is told (`contested`). Records that changed without
 *         its doing are published anew.
 * Fails:  `StoreFault` when the store does not take it; then the revision was not written, and the next call completes
 *         the change. Two publishers: compare-and-set on the revision makes the later one look again.
 */
import type { PasswordSecrets } from "../../auth/password-book.ts";
import { type Declared, type DeclaredKey, declaredKey } from "../../directory/declared.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { type Entry, GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { Conflict } from "../fault.ts";
import { Tail, type TailMessage } from "../tail.ts";
import { type BucketOptions, ensureDirectory } from "./bucket.ts";
import { type Known, KnownRecords } from "./known.ts";
import {
  DIRECTORY_STREAM,
  directorySubjects,
  encode,
  encodeRevision,
  namespaceOfRecord,
  revisionOf,
  revisionSubject,
  subjectOf,
} from "./record.ts";
import type { Vault } from "./vault.ts";

export interface PublisherOptions extends BucketOptions {
  readonly link: Link;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly log: Log;
  /** Its name among publishers; those of one name publish the same. */
  readonly owner?: string;
  /** Told when somebody else has changed the bucket, a moment later. */
  readonly onForeign?: () => void;
}

type Named = Pick<Declared, "kind" | "namespace" | "name">;

export interface Published {
  readonly revision: number;
  readonly put: number;
  readonly removed: number;
  /** What another publisher has; absent when there is none. */
  readonly contested?: readonly DeclaredKey[];
}

interface Difference {
  readonly entries: readonly Entry[];
  readonly put: number;
  readonly removed: number;
  readonly total: number;
  /** By namespace: how many records it has then. */
  readonly spaces: ReadonlyMap<string, number>;
  readonly contested: readonly DeclaredKey[];
}

interface Wanted {
  readonly declared: readonly Declared[];
  readonly kept: ReadonlySet<string>;
}

const chunkEntries = 400;
const chunkBytes = 2 << 20;
const maxTries = 5;
/** A deletion is remembered this long for daemons that are away; who is away longer starts anew. */
const markerTtl = "86400s";
const nothing = new Uint8Array();
/** What others change in passing is settled before it is looked at. */
const settleMs = 200;
const everyday = "files";

export class DirectoryPublisher implements AsyncDisposable {
  readonly #options: PublisherOptions;
  readonly #owner: string;
  readonly #commit: GroupCommit;
  readonly #tail: Tail;
  readonly #known: KnownRecords;
  readonly #stop = new AbortController();
  #seen = 0;
  #waiting: { readonly sequence: number; readonly resolve: () => void }[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #wanted: Wanted | undefined;
  #busy = 0;
  #again: NodeJS.Timeout | undefined;

  private constructor(options: PublisherOptions) {
    this.#options = options;
    const { link, clock, log, vault, owner = everyday } = options;
    this.#owner = owner;
    this.#known = new KnownRecords(vault);
    this.#commit = new GroupCommit(link, { stream: DIRECTORY_STREAM, log, clock });
    this.#tail = new Tail(link, {
      stream: DIRECTORY_STREAM,
      filters: [directorySubjects],
      onMessage: (message) => this.#take(message),
      log,
    });
  }

  /** Makes the bucket if there is none and reads what it holds. */
  static async open(options: PublisherOptions): Promise<DirectoryPublisher> {
    await ensureDirectory(options.link, options);
    const publisher = new DirectoryPublisher(options);
    await publisher.#tail.start();
    await publisher.#tail.caughtUp;
    return publisher;
  }

  /** What daemons know of a mailbox's password now. */
  secretsInForce(mailbox: DeclaredKey): PasswordSecrets | undefined {
    return this.#known.secrets(mailbox);
  }

  /** The `source` of the record in force; `undefined`: there is none, or it must be written again. */
  sourceOf(resource: Named): string | undefined {
    return this.#known.get(subjectOf(resource))?.source;
  }

  get revision(): number {
    return this.#known.revision;
  }

  /**
   * The revision with which daemons know the record in force, or a later one that they have loaded as well; `undefined`:
   * there is none. Daemons that serve one namespace acknowledge revisions that touched it.
   */
  publishedAt(resource: Named): number | undefined {
    return this.#known.get(subjectOf(resource))?.revision;
  }

  /** The revision with which daemons came to know the resource at all; `undefined`: they know nothing of it. */
  knownSince(resource: Named): number | undefined {
    return this.#known.get(subjectOf(resource))?.since;
  }

  /** The last revision that daemons of this namespace alone hear of. */
  revisionIn = (namespace: string): number => this.#known.revisionIn(namespace);

  /** Calls are carried out one after the other. `undecided` names resources whose records stay as they are. */
  publish(
    declared: readonly Declared[],
    signal: AbortSignal,
    undecided: readonly Named[] = [],
  ): Promise<Published> {
    this.#wanted = { declared, kept: new Set(undecided.map(subjectOf)) };
    return this.#next(this.#wanted, signal);
  }

  #next(wanted: Wanted, signal: AbortSignal): Promise<Published> {
    this.#busy++;
    const result = this.#last.then(() => this.#publish(wanted, signal));
    this.#last = result.catch(() => {}).finally(() => this.#busy--);
    return result;
  }

  async #publish(wanted: Wanted, signal: AbortSignal): Promise<Published> {
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      const known = this.#known;
      const difference = this.#difference(wanted);
      const { put, removed, contested } = difference;
      const told = contested.length > 0 ? { contested } : {};
      if (!this.#isDue(difference)) return { revision: known.revision, put, removed, ...told };
      try {
        const revision = known.revision + 1;
        await this.#reached(await this.#write(difference, revision), signal);
        return { revision, put, removed, ...told };
      } catch (error) {
        if (!(error instanceof Conflict) || tries === maxTries) throw error;
        // Somebody else published: hear what, then compare again.
        this.#options.log.info({ tries }, "the directory was changed by another publisher meanwhile");
        await this.#options.clock.sleep(100 * tries, signal);
      }
    }
  }

  /** There is something to write, if only the revision that covers what is there. */
  #isDue({ entries, spaces }: Difference): boolean {
    return entries.length > 0 || spaces.size > 0 || this.#known.revisionAt === 0 || this.#known.open;
  }

  #difference({ declared, kept }: Wanted): Difference {
    const known = this.#known;
    const entries: Entry[] = [];
    const wanted = new Set<string>();
    const contested: DeclaredKey[] = [];
    const changes = new Map<string, number>();
    const count = (namespace: string, by: number) =>
      changes.set(namespace, (changes.get(namespace) ?? 0) + by);
    for (const one of declared) {
      const subject = subjectOf(one);
      wanted.add(subject);
      const found = known.get(subject);
      if (found && !this.#isOurs(found)) contested.push(declaredKey(one));
      else if (found?.digest !== known.digest(one) || found.owner !== this.#owner) {
        const data = encode(one, this.#options.vault, this.#owner);
        known.sending(subject, data, one, this.#owner);
        entries.push({ subject, data });
        count(one.namespace, found ? 0 : 1);
      }
    }
    const put = entries.length;
    for (const [subject, found] of known.subjects()) {
      if (wanted.has(subject) || kept.has(subject) || !this.#isOurs(found)) continue;
      entries.push({ subject, data: nothing, ttl: markerTtl });
      count(namespaceOfRecord(subject), -1);
    }
    const removed = entries.length - put;
    for (const namespace of known.unfinished()) count(namespace, 0);
    const spaces = new Map(
      [...changes].map(([namespace, by]) => [namespace, known.entriesIn(namespace) + by]),
    );
    const total = known.size + [...changes.values()].reduce((sum, by) => sum + by, 0);
    return { entries, put, removed, total, spaces, contested };
  }

  /** What cannot be read is nobody's. */
  #isOurs({ owner }: Known): boolean {
    return owner === undefined || owner === this.#owner;
  }

  /** The stream sequence of the revision record. */
  async #write({ entries, spaces, total }: Difference, revision: number): Promise<number> {
    const told = [...spaces].map(([namespace, count]): Entry => {
      const entry = { subject: revisionOf(namespace), data: encodeRevision({ revision, entries: count }) };
      return count === 0 ? { ...entry, ttl: markerTtl } : entry;
    });
    const data = encodeRevision({ revision, entries: total });
    const last: Entry = { subject: revisionSubject, data, expect: this.#known.revisionAt };
    let chunk: Entry[] = [];
    let bytes = 0;
    for (const entry of [...entries, ...told]) {
      if (chunk.length >= chunkEntries || (chunk.length > 0 && bytes + entry.data.length > chunkBytes)) {
        await this.#commit.commit(chunk);
        chunk = [];
        bytes = 0;
      }
      chunk.push(entry);
      bytes += entry.data.length;
    }
    return (await this.#commit.commit([...chunk, last])) + chunk.length;
  }

  /** Resolves when our own view holds everything up to there. */
  async #reached(sequence: number, signal: AbortSignal): Promise<void> {
    if (this.#seen >= sequence) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    this.#waiting.push({ sequence, resolve });
    await promise.finally(() => signal.removeEventListener("abort", stop));
  }

  #take(message: TailMessage): void {
    const { sequence } = message;
    this.#known.take(message);
    this.#seen = sequence;
    if (this.#busy === 0 && this.#wanted) this.#look();
    if (this.#waiting.length === 0) return;
    for (const { resolve } of this.#waiting.filter((one) => one.sequence <= sequence)) resolve();
    this.#waiting = this.#waiting.filter((one) => one.sequence > sequence);
  }

  /** Somebody else wrote: what was ours and is not as we want it, or was not ours and is free now, is published again. */
  #look(): void {
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      const { signal } = this.#stop;
      if (this.#busy > 0 || !this.#wanted || signal.aborted) return;
      this.#options.onForeign?.();
      if (!this.#isDue(this.#difference(this.#wanted))) return;
      this.#options.log.warn(
        {},
        "the directory was changed by somebody else: what is ours is published again",
      );
      this.#next(this.#wanted, signal).catch((error: unknown) => {
        if (!signal.aborted) this.#options.log.warn({ err: error }, "resources could not be published again");
      });
    }, settleMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the publisher is closing"));
    clearTimeout(this.#again);
    await this.#last;
    await this.#commit.settled();
    await this.#tail[Symbol.asyncDispose]();
  }
}
