/**
 * A mailbox in memory, shared by its sessions: the ledger, and the folders that somebody looks at.
 *
 * In:     units of changes in the order of the stream, own ones as soon as they are stored.
 * Out:    the state after each unit, and one event per folder and unit to those who listen.
 * Ends:   when nobody follows the mailbox any more, or when it is lost: the store was brought back from a copy. Then
 *         nothing that is here may be relied on, and everything fails with `BroughtBack`.
 * States: a folder is loading (units that come meanwhile are kept and win over what was read), held, or lingering: nobody
 *         holds it, and it is kept true all the same until `Holdings` has it dropped.
 *
 * A folder whose messages are not as many as the ledger says is read again: whatever went wrong heals.
 */
import { FolderCache } from "./folder-cache.ts";
import { folderInfo } from "./folders.ts";
import type { Holdings } from "./holdings.ts";
import type { Journal, Told } from "./journal.ts";
import type { Ledger } from "./ledger.ts";
import type { MailboxChange } from "./session.ts";
import { BroughtBack, StoreUnavailable } from "./store.ts";

export class Cache {
  readonly #journal: Journal;
  readonly #holdings: Holdings;
  readonly #folders = new Map<number, FolderCache>();
  readonly #loading = new Map<FolderCache, Promise<void>>();
  readonly #listeners = new Set<(change: MailboxChange) => void>();
  readonly #lost = new AbortController();
  #waiting: { readonly sequence: number; readonly wake: () => void }[] = [];
  #ledger: Ledger;
  #sequence: number;
  #ended = false;

  constructor(journal: Journal, ledger: Ledger, sequence: number, holdings: Holdings) {
    this.#journal = journal;
    this.#holdings = holdings;
    this.#ledger = ledger;
    this.#sequence = sequence;
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Aborted with `BroughtBack`. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  lose(): void {
    this.#lost.abort(new BroughtBack());
    this.end();
  }

  /** Resolves when everything that was stored before the call, by whomever, is known here. Throws `StoreUnavailable`. */
  async sync(signal?: AbortSignal): Promise<void> {
    const known = this.#sequence;
    const latest = await this.#journal.latest();
    if (latest < known) await this.#journal.doubt();
    await this.arrived(latest, signal);
  }

  listen(listener: (change: MailboxChange) => void): () => void {
    const mine = (change: MailboxChange) => listener(change);
    this.#listeners.add(mine);
    return () => void this.#listeners.delete(mine);
  }

  apply(told: Told): void {
    if (told.sequence <= this.#sequence) return;
    const before = this.#ledger;
    this.#ledger = told.ledger;
    this.#sequence = told.sequence;
    for (const folder of this.#folders.values()) folder.apply(told);
    this.#tell(before, told.ledger);
    for (const folder of this.#folders.values()) this.#check(folder);
    const woken = this.#waiting.filter((each) => each.sequence <= told.sequence);
    if (woken.length === 0) return;
    this.#waiting = this.#waiting.filter((each) => each.sequence > told.sequence);
    for (const { wake } of woken) wake();
  }

  /** The same, for as long as a client may be kept waiting. Throws `StoreUnavailable`, or the signal's reason. */
  async arrived(sequence: number, signal?: AbortSignal): Promise<void> {
    this.lost.throwIfAborted();
    if (sequence <= this.#sequence) return;
    const patience = AbortSignal.timeout(ARRIVE_MS);
    try {
      const ends = [this.lost, patience, ...(signal ? [signal] : [])];
      await this.reached(sequence, AbortSignal.any(ends));
    } catch (error) {
      signal?.throwIfAborted();
      this.lost.throwIfAborted();
      throw new StoreUnavailable("the mailbox's changes do not arrive", { cause: error });
    }
  }

  /** Resolves when the ledger is as new as `sequence`. */
  async reached(sequence: number, signal: AbortSignal): Promise<void> {
    if (sequence <= this.#sequence) return;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { sequence, wake: resolve };
    const stop = () => {
      this.#waiting = this.#waiting.filter((each) => each !== entry);
      reject(signal.reason);
    };
    this.#waiting.push(entry);
    signal.addEventListener("abort", stop, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  held(id: number): FolderCache | undefined {
    const folder = this.#folders.get(id);
    return folder?.whole === true ? folder : undefined;
  }

  /** The folder with its messages; it stays in memory until it was released as often as it was asked for. */
  async hold(id: number, signal: AbortSignal): Promise<FolderCache> {
    this.lost.throwIfAborted();
    const folder = this.#folders.get(id) ?? this.#add(id);
    if (folder.holders === 0) this.#use(folder);
    folder.holders++;
    try {
      if (!folder.whole) await this.#load(folder, signal);
      return folder;
    } catch (error) {
      this.release(folder);
      throw error;
    }
  }

  release(folder: FolderCache): void {
    if (--folder.holders > 0) return;
    folder.unuse();
    const drop = () => {
      if (this.#folders.get(folder.id) === folder) this.#folders.delete(folder.id);
    };
    const gone = this.#folders.get(folder.id) !== folder || !folder.whole || folder.ledger === undefined;
    if (gone || this.#ended) drop();
    else this.#holdings.folders.keep(folder, folder.messages.length + 1, drop);
  }

  #use(folder: FolderCache): void {
    this.#holdings.folders.take(folder);
    try {
      folder.unuse = this.#holdings.use(folder.ledger?.messages ?? 0);
    } catch (error) {
      this.#folders.delete(folder.id);
      throw error;
    }
  }

  /** Nobody follows the mailbox any more: what lingers is forgotten. */
  end(): void {
    this.#ended = true;
    for (const folder of this.#folders.values()) this.#holdings.folders.take(folder);
    this.#folders.clear();
  }

  #add(id: number): FolderCache {
    const folder = new FolderCache(id, this);
    this.#folders.set(id, folder);
    return folder;
  }

  /** One load serves all who ask at the same time; who gives up waiting does not stop it. */
  async #load(folder: FolderCache, signal: AbortSignal): Promise<void> {
    let loading = this.#loading.get(folder);
    if (!loading) {
      loading = this.#read(folder);
      this.#loading.set(folder, loading);
      loading.finally(() => this.#loading.delete(folder)).catch(() => {});
    }
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await Promise.race([loading, aborted]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #read(folder: FolderCache): Promise<void> {
    const patience = AbortSignal.any([this.lost, AbortSignal.timeout(LOAD_MS)]);
    for (let attempt = 1; ; attempt++) {
      const known = this.#sequence;
      const loaded = await this.#journal.load(folder.id, patience);
      if (loaded.asOf < known) {
        // A copy of the stream that lags behind: what has been told meanwhile would be missing for good.
        patience.throwIfAborted();
        await pause(PAUSE_MS);
        attempt--;
        continue;
      }
      await this.reached(loaded.sequence, patience);
      folder.fill(loaded);
      const ledger = this.#ledger.folders.find(({ id }) => id === folder.id);
      if (ledger === undefined || folder.messages.length === ledger.messages || attempt === READS) return;
      await pause(PAUSE_MS * attempt);
    }
  }

  /** Reads a folder again that is not as its ledger says. */
  #check(folder: FolderCache): void {
    const ledger = this.#ledger.folders.find(({ id }) => id === folder.id);
    if (!folder.whole || ledger === undefined || ledger.messages === folder.messages.length) return;
    if (this.#loading.has(folder) || folder.healed >= READS) return;
    folder.healed++;
    this.#load(folder, new AbortController().signal).catch(() => {}); // the next change tries again
  }

  #tell(before: Ledger, after: Ledger): void {
    if (this.#listeners.size === 0) return;
    const changes: MailboxChange[] = [];
    if (foldersDiffer(before, after)) changes.push({ kind: "folders" });
    for (const folder of after.folders) {
      const old = before.folders.find(({ id }) => id === folder.id);
      if (old && old.modseq !== folder.modseq)
        changes.push({ kind: "status", folder: folderInfo(after, folder) });
    }
    for (const listener of this.#listeners) for (const change of changes) listener(change);
  }
}

const ARRIVE_MS = 10_000;
const LOAD_MS = 60_000;
const READS = 5;
const PAUSE_MS = 50;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const foldersDiffer = (before: Ledger, after: Ledger): boolean =>
  before.folders.length !== after.folders.length ||
  before.subscriptions.join("\n") !== after.subscriptions.join("\n") ||
  after.folders.some(({ id, name }, i) => before.folders[i]?.id !== id || before.folders[i]?.name !== name);
