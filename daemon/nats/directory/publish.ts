/**
 * Publishes what is declared into the directory bucket.
 *
 * In:     the complete list of declared resources, each time; and those that are not decided upon yet, whose records stay
 *         as they are (a publisher that has just started need not know everything before it may speak).
 * Out:    only what differs is written, what is gone is deleted, and the revision rises by one; nothing differs: nothing
 *         is written. Up to `chunk` changes are one atomic batch together with their revision; larger changes are
 *         several batches, and daemons go on with the old state until the last one brings the revision.
 * Fails:  `StoreFault` when the store does not take it; then the revision was not written, and the next call completes
 *         the change. Two publishers: compare-and-set on the revision makes the later one look again.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { PasswordSecrets } from "../../auth/password-book.ts";
import { type Declared, type DeclaredKey, declaredKey } from "../../directory/declared.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { type Entry, GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { Conflict } from "../fault.ts";
import { Tail, type TailMessage } from "../tail.ts";
import { type BucketOptions, ensureDirectory } from "./bucket.ts";
import {
  DIRECTORY_STREAM,
  decode,
  decodeRevision,
  directorySubjects,
  encode,
  encodeRevision,
  revisionSubject,
  subjectOf,
} from "./record.ts";
import type { Vault } from "./vault.ts";

export interface PublisherOptions extends BucketOptions {
  readonly link: Link;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly log: Log;
}

type Named = Pick<Declared, "kind" | "namespace" | "name">;

export interface Published {
  readonly revision: number;
  readonly put: number;
  readonly removed: number;
}

/** What the bucket holds under one key: enough to see whether it must be written again. */
interface Known {
  readonly digest: string;
  readonly key: DeclaredKey;
  readonly source: string | undefined;
}

const chunkEntries = 400;
const chunkBytes = 2 << 20;
const maxTries = 5;
/** A deletion is remembered this long for daemons that are away; who is away longer starts anew. */
const markerTtl = "86400s";
const nothing = new Uint8Array();

export class DirectoryPublisher implements AsyncDisposable {
  readonly #options: PublisherOptions;
  readonly #commit: GroupCommit;
  readonly #tail: Tail;
  readonly #digestKey = randomBytes(32);
  /** Resources that are handed over again as the same objects are not digested again. */
  readonly #digests = new WeakMap<Declared, string>();
  readonly #known = new Map<string, Known>();
  readonly #secrets = new Map<DeclaredKey, PasswordSecrets>();
  #revision = 0;
  /** Stream sequence of the revision record; 0: there is none. */
  #revisionAt = 0;
  #seen = 0;
  #waiting: { readonly sequence: number; readonly resolve: () => void }[] = [];
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: PublisherOptions) {
    this.#options = options;
    const { link, clock, log } = options;
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
    return this.#secrets.get(mailbox);
  }

  /** The `source` of the record in force; `undefined`: there is none, or it must be written again. */
  sourceOf(resource: Named): string | undefined {
    return this.#known.get(subjectOf(resource))?.source;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Calls are carried out one after the other. `undecided` names resources whose records stay as they are. */
  publish(
    declared: readonly Declared[],
    signal: AbortSignal,
    undecided: readonly Named[] = [],
  ): Promise<Published> {
    const kept = new Set(undecided.map(subjectOf));
    const result = this.#last.then(() => this.#publish(declared, kept, signal));
    this.#last = result.catch(() => {});
    return result;
  }

  async #publish(
    declared: readonly Declared[],
    kept: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<Published> {
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      const { entries, put, removed, total } = this.#difference(declared, kept);
      if (entries.length === 0 && this.#revisionAt > 0) return { revision: this.#revision, put, removed };
      try {
        const revision = { revision: this.#revision + 1, entries: total };
        const at = await this.#write(entries, encodeRevision(revision));
        await this.#reached(at, signal);
        return { revision: revision.revision, put, removed };
      } catch (error) {
        if (!(error instanceof Conflict) || tries === maxTries) throw error;
        // Somebody else published: hear what, then compare again.
        this.#options.log.info({ tries }, "the directory was changed by another publisher meanwhile");
        await this.#options.clock.sleep(100 * tries, signal);
      }
    }
  }

  #difference(declared: readonly Declared[], kept: ReadonlySet<string>) {
    const entries: Entry[] = [];
    const wanted = new Set<string>();
    for (const one of declared) {
      const subject = subjectOf(one);
      wanted.add(subject);
      if (this.#known.get(subject)?.digest === this.#digest(one)) continue;
      entries.push({ subject, data: encode(one, this.#options.vault) });
    }
    const put = entries.length;
    for (const subject of this.#known.keys()) {
      if (wanted.has(subject)) continue;
      if (kept.has(subject)) wanted.add(subject);
      else entries.push({ subject, data: nothing, ttl: markerTtl });
    }
    return { entries, put, removed: entries.length - put, total: wanted.size };
  }

  /** The stream sequence of the revision record. */
  async #write(entries: readonly Entry[], revision: Uint8Array): Promise<number> {
    const last: Entry = { subject: revisionSubject, data: revision, expect: this.#revisionAt };
    let chunk: Entry[] = [];
    let bytes = 0;
    for (const entry of entries) {
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

  #take({ subject, sequence, data }: TailMessage): void {
    if (subject === revisionSubject) {
      this.#revision = decodeRevision(data)?.revision ?? this.#revision;
      this.#revisionAt = sequence;
    } else this.#learn(subject, data);
    this.#seen = sequence;
    if (this.#waiting.length === 0) return;
    for (const { resolve } of this.#waiting.filter((one) => one.sequence <= sequence)) resolve();
    this.#waiting = this.#waiting.filter((one) => one.sequence > sequence);
  }

  #learn(subject: string, data: Uint8Array): void {
    const before = this.#known.get(subject);
    if (before) this.#secrets.delete(before.key);
    if (data.length === 0) {
      this.#known.delete(subject);
      return;
    }
    const decoded = decode(subject, data, this.#options.vault);
    const key = decoded ? declaredKey(decoded.declared) : ("" as DeclaredKey);
    // What cannot be read, or is sealed with an older key, differs from everything and is written again.
    const current =
      decoded && !decoded.locked && decoded.keyId === this.#options.vault.keyIdOf(decoded.declared.namespace);
    this.#known.set(subject, {
      key,
      digest: current ? this.#digest(decoded.declared) : "",
      source: current ? decoded.declared.source : undefined,
    });
    if (decoded?.declared.kind !== "Mailbox") return;
    const { passwordHash, scram, appPasswords } = decoded.declared;
    if (passwordHash !== undefined || appPasswords !== undefined)
      this.#secrets.set(key, {
        ...(passwordHash === undefined ? {} : { passwordHash }),
        ...(scram === undefined ? {} : { scram }),
        ...(appPasswords === undefined ? {} : { appPasswords }),
      });
  }

  #digest(declared: Declared): string {
    const known = this.#digests.get(declared);
    if (known !== undefined) return known;
    const digest = createHmac("sha256", this.#digestKey).update(stableJson(declared)).digest("base64");
    this.#digests.set(declared, digest);
    return digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#commit.settled();
    await this.#tail[Symbol.asyncDispose]();
  }
}

/** JSON whose text does not depend on the order in which fields were written. */
export const stableJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
