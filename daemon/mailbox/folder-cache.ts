/**
 * One folder in memory: its messages in UID order, kept by units of changes.
 *
 * The list is never altered, only replaced, so that whoever holds one sees a state that once was.
 */
import type { Loaded, Told } from "./journal.ts";
import type { FolderLedger, Ledger } from "./ledger.ts";
import { type Kept, keptOf, type MessageRecord } from "./record.ts";
import type { Uid } from "./store.ts";
import { emptyLog, type VanishedLog } from "./vanished.ts";
import type { FolderChange } from "./view.ts";

export class FolderCache {
  readonly id: number;
  readonly #mailbox: { readonly ledger: Ledger };
  readonly #listeners = new Set<(change: FolderChange) => void>();
  #messages: readonly Kept[] = [];
  #log: VanishedLog = emptyLog;
  /** What `#messages` has been raised to. */
  #floor = 0;
  /** While it is being read: what units said meanwhile. */
  #early: Map<Uid, MessageRecord | undefined> | undefined = new Map();
  #deleted = false;
  /** How many rely on it. */
  holders = 0;
  /** Says that none does any more, to whoever counts. */
  unuse: () => void = () => {};
  /** How often it was read again because it was not as the ledger says. */
  healed = 0;

  constructor(id: number, mailbox: { readonly ledger: Ledger }) {
    this.id = id;
    this.#mailbox = mailbox;
  }

  get whole(): boolean {
    return this.#early === undefined;
  }

  get messages(): readonly Kept[] {
    return this.#messages;
  }

  get log(): VanishedLog {
    const { floor = 0 } = this.ledger ?? {};
    if (this.#log.floor >= floor) return this.#log;
    return { floor, removals: this.#log.removals.filter(([modseq]) => modseq > floor) };
  }

  get ledger(): FolderLedger | undefined {
    return this.#mailbox.ledger.folders.find(({ id }) => id === this.id);
  }

  listen(listener: (change: FolderChange) => void): () => void {
    const mine = (change: FolderChange) => listener(change);
    this.#listeners.add(mine);
    return () => void this.#listeners.delete(mine);
  }

  find(uid: Uid): Kept | undefined {
    const at = lowerBound(this.#messages, uid);
    const found = this.#messages[at];
    return found?.uid === uid ? found : undefined;
  }

  /** What was read, and over it what units have said since the reading began. */
  fill({ records, log }: Loaded): void {
    const byUid = new Map<Uid, Kept>();
    for (const [uid, record] of records) byUid.set(uid, this.#unlessSame(uid, record));
    for (const [uid, record] of this.#early ?? []) {
      if (record) byUid.set(uid, keptOf(uid, record));
      else byUid.delete(uid);
    }
    this.#floor = this.ledger?.floor ?? 0;
    const next = this.#raised([...byUid.values()].sort((a, b) => a.uid - b.uid));
    const before = this.#early === undefined ? this.#messages : undefined;
    this.#messages = next;
    if (log.removals.length >= this.#log.removals.length) this.#log = log;
    this.#early = undefined;
    if (before) this.#tellDifference(before, next);
  }

  #unlessSame(uid: Uid, record: MessageRecord): Kept {
    const known = this.find(uid);
    return known && known.modseq >= record.modseq ? known : keptOf(uid, record);
  }

  /** After the ledger has changed: what the unit says about this folder. */
  apply(told: Told): void {
    for (const { folder, log } of told.logs) if (folder === this.id) this.#log = log;
    if (this.#early) {
      for (const { folder, uid, record } of told.records)
        if (folder === this.id) this.#early.set(uid, record);
      return;
    }
    if (!this.ledger) return this.#end();
    const changes = this.#take(told);
    for (const listener of this.#listeners) for (const change of changes) listener(change);
  }

  #raised(messages: readonly Kept[]): readonly Kept[] {
    const modseq = this.#floor;
    if (modseq === 0) return messages;
    return messages.map((message) => (message.modseq < modseq ? { ...message, modseq } : message));
  }

  #take(told: Told): FolderChange[] {
    const arrived: Kept[] = [];
    const flagged: Kept[] = [];
    const vanished = new Set<Uid>();
    for (const { folder, uid, record } of told.records) {
      if (folder !== this.id) continue;
      const known = this.find(uid);
      if (!record) {
        if (known) vanished.add(uid);
      } else if (known) flagged.push(keptOf(uid, record));
      else arrived.push(keptOf(uid, record));
    }
    const changes: FolderChange[] = [];
    const { floor = 0 } = this.ledger ?? {};
    if (floor > this.#floor) {
      this.#floor = floor;
      this.#messages = this.#raised(this.#messages);
      changes.push({ kind: "flags", messages: this.#messages });
    }
    if (flagged.length > 0) {
      flagged.sort(byUid);
      this.#messages = withChanged(this.#messages, flagged);
      changes.push({ kind: "flags", messages: flagged });
    }
    if (vanished.size > 0) {
      this.#messages = this.#messages.filter(({ uid }) => !vanished.has(uid));
      const uids = [...vanished].sort((a, b) => a - b);
      changes.push({ kind: "vanished", uids, modseq: this.ledger?.modseq ?? 0 });
    }
    if (arrived.length > 0) {
      arrived.sort(byUid);
      const last = this.#messages.at(-1)?.uid ?? 0;
      const next = [...this.#messages, ...arrived];
      this.#messages = (arrived[0]?.uid ?? 0) > last ? next : next.sort(byUid);
      changes.push({ kind: "exists", messages: arrived });
    }
    return changes;
  }

  #end(): void {
    if (this.#deleted) return;
    this.#deleted = true;
    this.#messages = [];
    for (const listener of this.#listeners) listener({ kind: "deleted" });
  }

  #tellDifference(before: readonly Kept[], after: readonly Kept[]): void {
    const old = new Map(before.map((message) => [message.uid, message]));
    const flagged = after.filter((message) => (old.get(message.uid) ?? message) !== message);
    const arrived = after.filter(({ uid }) => !old.has(uid));
    for (const { uid } of after) old.delete(uid);
    const uids = [...old.keys()];
    const modseq = this.ledger?.modseq ?? 0;
    for (const listener of this.#listeners) {
      if (flagged.length > 0) listener({ kind: "flags", messages: flagged });
      if (uids.length > 0) listener({ kind: "vanished", uids, modseq });
      if (arrived.length > 0) listener({ kind: "exists", messages: arrived });
    }
  }
}

const byUid = (a: Kept, b: Kept) => a.uid - b.uid;

/** Index of the first message whose UID is not below. */
function lowerBound(messages: readonly { readonly uid: Uid }[], uid: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((messages[middle]?.uid ?? 0) < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** In: the changed ones in UID order, all of them known. */
function withChanged(messages: readonly Kept[], changed: readonly Kept[]): readonly Kept[] {
  const next = messages.slice();
  for (const message of changed) next[lowerBound(next, message.uid)] = message;
  return next;
}
