/**
 * The directory as a daemon follows it: loaded from the bucket, then kept true.
 *
 * In:     the bucket, the vault that opens its secrets.
 * Out:    a `LiveDirectory`; each state it shows is one that was published as a whole.
 * Fails:  never after the start. While NATS is away the last state stays; a record that cannot be read is left out and
 *         logged, one whose secrets cannot be opened is used without them (mail flows, logins and smarthosts wait).
 * Start:  resolves with the first whole state: a daemon that starts before anything was published waits for it. If a
 *         publisher died half-way, the start waits for its successor only so long (`patienceMs`).
 */
import { DirectoryBuilder } from "../../directory/builder.ts";
import { type DeclaredKey, declaredKey } from "../../directory/declared.ts";
import type { Directory, LiveDirectory } from "../../directory/directory.ts";
import { DirectoryHolder } from "../../directory/live.ts";
import type { Log } from "../../kit/log.ts";
import type { Link } from "../connect.ts";
import { Tail, type TailMessage } from "../tail.ts";
import {
  DIRECTORY_STREAM,
  decode,
  decodeRevision,
  directorySubjects,
  namespaceInRevision,
  namespaceSubjects,
  type Revision,
  revisionOf,
  revisionSubject,
} from "./record.ts";
import type { Vault } from "./vault.ts";

export interface WatchOptions {
  readonly link: Link;
  readonly vault: Vault;
  readonly log: Log;
  /** Only this namespace's part of the directory. */
  readonly namespace?: string | undefined;
  /** Ends the wait for the first state. */
  readonly signal: AbortSignal;
  readonly patienceMs?: number;
  /** After so long records are read again that could not be opened, ms. */
  readonly relookMs?: number;
  /** Where nothing has been published, that is the first state; nobody is waited for. */
  readonly orNothing?: true;
  /** Waiting longer than this for the first state is told, ms. */
  readonly silenceMs?: number;
}

export interface WatchedDirectory extends LiveDirectory, AsyncDisposable {}

export async function watchDirectory(options: WatchOptions): Promise<WatchedDirectory> {
  const follower = new Follower(options);
  try {
    await follower.start();
    return follower;
  } catch (error) {
    await follower[Symbol.asyncDispose]();
    throw error;
  }
}

class Follower implements WatchedDirectory {
  readonly #options: WatchOptions;
  readonly #first = Promise.withResolvers<void>();
  readonly #holder: DirectoryHolder;
  #view: View;
  #started = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#holder = new DirectoryHolder(new DirectoryBuilder().build(0), options.log);
    this.#view = this.#open();
  }

  current(): Directory {
    return this.#holder.current();
  }

  onChange(listener: (directory: Directory) => void): () => void {
    return this.#holder.onChange(listener);
  }

  async start(): Promise<void> {
    const { signal } = this.#options;
    const stop = () => this.#first.reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", stop, { once: true });
    void this.#view.begin();
    const wait = setTimeout(() => {
      this.#options.log.warn(
        {},
        "waiting for the directory: nothing has been published yet; one daemon must be given resources with -f",
      );
    }, this.#options.silenceMs ?? 3_000);
    try {
      await this.#first.promise;
    } finally {
      clearTimeout(wait);
      signal.removeEventListener("abort", stop);
    }
  }

  #open(): View {
    return new View(this.#options, {
      whole: (directory) => this.#swap(directory),
      incomplete: () => void this.#reload(),
    });
  }

  #swap(directory: Directory): void {
    const { revision } = directory;
    this.#holder.swap(directory);
    this.#options.log.info({ revision }, this.#started ? "directory changed" : "directory loaded");
    this.#started = true;
    this.#first.resolve();
  }

  /** We were away for longer than deletions are remembered: read everything again. */
  async #reload(): Promise<void> {
    this.#options.log.warn({}, "the directory does not add up; reading it anew");
    const old = this.#view;
    this.#view = this.#open();
    void this.#view.begin();
    await old[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#view[Symbol.asyncDispose]();
  }
}

interface ViewEvents {
  whole(directory: Directory): void;
  /** There are more or fewer resources than the revision says. */
  incomplete(): void;
}

/** One reading of the bucket from its beginning. */
class View implements AsyncDisposable {
  readonly #options: WatchOptions;
  readonly #events: ViewEvents;
  readonly #tail: Tail;
  readonly #builder = new DirectoryBuilder();
  readonly #keys = new Map<string, DeclaredKey>();
  readonly #revisionSubject: string;
  #revision: Revision | undefined;
  /** Resources changed after the last revision: somebody is publishing. */
  #open = false;
  #caughtUp = false;
  #shown = false;
  #patience: NodeJS.Timeout | undefined;
  /** Until records are read again whose key may have come since. */
  #relook: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WatchOptions, events: ViewEvents) {
    this.#options = options;
    this.#events = events;
    const { namespace } = options;
    this.#revisionSubject = namespace === undefined ? revisionSubject : revisionOf(namespace);
    this.#tail = new Tail(options.link, {
      stream: DIRECTORY_STREAM,
      filters: [namespace === undefined ? directorySubjects : namespaceSubjects(namespace)],
      onMessage: (message) => this.#take(message),
      log: options.log,
    });
  }

  async begin(): Promise<void> {
    this.#tail.caughtUp.then(
      () => this.#onCaughtUp(),
      () => {}, // closed before
    );
    await this.#tail.begin();
  }

  #onCaughtUp(): void {
    this.#caughtUp = true;
    if (this.#closed) return;
    if (!this.#revision) {
      if (this.#options.orNothing && !this.#open) this.#events.whole(this.#builder.build(0));
      return;
    }
    if (!this.#open) return this.#show(this.#revision);
    const patience = this.#options.patienceMs ?? 10_000;
    this.#patience = setTimeout(() => {
      this.#options.log.warn({}, "the directory was left half-published; going on with what there is");
      if (this.#revision) this.#show(this.#revision);
    }, patience);
  }

  #take({ subject, data, forged }: TailMessage): void {
    if (subject !== this.#revisionSubject) {
      if (namespaceInRevision(subject) !== undefined) return; // told to others
      this.#open = true;
      this.#learn(subject, data, forged);
      return;
    }
    const revision = forged ? undefined : decodeRevision(data);
    if (!revision) return;
    this.#revision = revision;
    this.#open = false;
    clearTimeout(this.#patience);
    if (this.#caughtUp) this.#show(revision);
  }

  #show(revision: Revision): void {
    const whole = this.#keys.size === revision.entries;
    // What was read from the beginning is all there is, whatever the revision counts.
    if (!whole && this.#shown) return this.#events.incomplete();
    this.#shown = true;
    this.#events.whole(this.#builder.build(revision.revision));
  }

  #learn(subject: string, data: Uint8Array, forged: boolean): void {
    const before = this.#keys.get(subject);
    if (data.length === 0) {
      if (before !== undefined) this.#builder.remove(before);
      this.#keys.delete(subject);
      return;
    }
    const { log, vault } = this.#options;
    const decoded = forged ? undefined : decode(subject, data, vault);
    if (!decoded) {
      log.error({ subject }, "a directory record cannot be read");
      this.#keys.set(subject, before ?? ("" as DeclaredKey)); // it counts, and the last good one stays
      return;
    }
    const { declared, locked, keyId } = decoded;
    const key = declaredKey(declared);
    this.#keys.set(subject, key);
    if (locked && vault.learns)
      this.#relook ??= setTimeout(() => this.#events.incomplete(), this.#options.relookMs ?? 30_000);
    if (locked)
      log.error(
        { resource: key, keyId, ours: vault.keyIdOf(declared.namespace) },
        "secrets are sealed with a key we do not have: give every daemon the same POSTFLEET_DIRECTORY_KEY_FILE",
      );
    if (!this.#builder.set(declared))
      log.error({ resource: key }, "a resource has no valid domain or address");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#patience);
    clearTimeout(this.#relook);
    await this.#tail[Symbol.asyncDispose]();
  }
}
