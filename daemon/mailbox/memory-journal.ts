/**
 * One mailbox in memory: its ledger, records, marks and vanished lists, and those who follow it.
 *
 * Spec: the contract in `journal.ts`; bodies are shared by all mailboxes of a `MemoryMailboxStore`.
 */
import { randomUUID } from "node:crypto";
import { toldOf } from "./desk.ts";
import { pack, unpack, type WireDigest } from "./digest/pack.ts";
import { digestOf } from "./digest/scan.ts";
import type { Digest, Range } from "./digest.ts";
import {
  type Edit,
  type Followed,
  type Follower,
  type Journal,
  type Loaded,
  Overtaken,
  type Staged,
  type Unit,
} from "./journal.ts";
import { emptyLedger, type Ledger } from "./ledger.ts";
import type { MessageRecord } from "./record.ts";
import { type MailboxName, StoreUnavailable, type Uid } from "./store.ts";
import { emptyLog, type VanishedLog } from "./vanished.ts";
import type { Content } from "./view.ts";

export interface MemoryBody {
  readonly octets: Uint8Array;
  readonly digest: WireDigest;
}

export type MemoryBodies = Map<string, MemoryBody>;

export const memoryBody = (octets: Uint8Array): MemoryBody => ({ octets, digest: pack(digestOf(octets)) });

/** What a mailbox has; journals of the same mailbox work on the same box. */
export class MemoryBox {
  ledger: Ledger = emptyLedger;
  sequence = 0;
  readonly delivered = new Set<string>();
  readonly records = new Map<number, Map<Uid, MessageRecord>>();
  readonly logs = new Map<number, VanishedLog>();
  readonly followers = new Set<Follower>();
  turns: Promise<unknown> = Promise.resolve();

  write(unit: Unit): number {
    if (unit.expect !== this.sequence) throw new Overtaken("another writer was first");
    this.ledger = unit.ledger;
    this.sequence++;
    for (const edit of unit.edits) this.#edit(edit);
    for (const { folder, log } of unit.logs) this.logs.set(folder, log);
    const told = toldOf(unit, this.sequence);
    for (const follower of this.followers) queueMicrotask(() => follower.told(told));
    return this.sequence;
  }

  /** As it is now. */
  copy(): Pick<MemoryBox, "ledger" | "sequence" | "records" | "logs"> {
    const records = new Map([...this.records].map(([folder, some]) => [folder, new Map(some)]));
    return { ledger: this.ledger, sequence: this.sequence, records, logs: new Map(this.logs) };
  }

  /** As when a store is restored: everything is as it was, and nobody is followed any more. */
  bringBack({ ledger, sequence, records, logs }: ReturnType<MemoryBox["copy"]>): void {
    Object.assign(this, { ledger, sequence, records, logs });
    const lost = [...this.followers];
    this.followers.clear();
    for (const follower of lost) follower.lost();
  }

  #edit(edit: Edit): void {
    if (edit.kind === "gone") {
      this.records.get(edit.folder)?.delete(edit.uid);
      return;
    }
    if (edit.kind === "moved") this.records.get(edit.from.folder)?.delete(edit.from.uid);
    const folder = this.records.get(edit.folder) ?? new Map<Uid, MessageRecord>();
    this.records.set(edit.folder, folder.set(edit.uid, edit.record));
  }
}

export class MemoryJournal implements Journal {
  readonly mailbox: MailboxName;
  readonly #box: MemoryBox;
  readonly #bodies: MemoryBodies;

  constructor(mailbox: MailboxName, box: MemoryBox, bodies: MemoryBodies) {
    this.mailbox = mailbox;
    this.#box = box;
    this.#bodies = bodies;
  }

  async follow(follower: Follower): Promise<Followed> {
    const { followers, sequence, ledger } = this.#box;
    followers.add(follower);
    return { sequence, ledger, [Symbol.asyncDispose]: async () => void followers.delete(follower) };
  }

  /** Followers hear at once when it is brought back. */
  async doubt(): Promise<void> {}

  async load(folder: number): Promise<Loaded> {
    const { sequence, records, logs } = this.#box;
    return {
      sequence,
      records: [...(records.get(folder) ?? [])],
      log: logs.get(folder) ?? emptyLog,
      asOf: sequence,
    };
  }

  async latest(): Promise<number> {
    return this.#box.sequence;
  }

  turn<T>(work: (known: number) => Promise<T>): Promise<T> {
    const box = this.#box;
    const done = box.turns.then(() => work(box.sequence));
    box.turns = done.catch(() => {});
    return done;
  }

  async commit(unit: Unit): Promise<number> {
    return this.#box.write(unit);
  }

  async stage(size: number, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Staged> {
    const bodyId = randomUUID();
    const octets = await collected(bodyId, size, body);
    signal.throwIfAborted();
    this.#bodies.set(bodyId, memoryBody(octets));
    return { bodyId, size, chunks: size === 0 ? 0 : 1 };
  }

  async digests(contents: readonly Content[]): Promise<readonly Digest[]> {
    return contents.map(({ bodyId, prefix }) => unpack(this.#body(bodyId).digest, Buffer.from(prefix)));
  }

  async *read(content: Content, range: Range | undefined, signal: AbortSignal): AsyncIterable<Uint8Array> {
    signal.throwIfAborted();
    const prefix = Buffer.from(content.prefix);
    const { octets } = this.#body(content.bodyId);
    const from = range?.offset ?? 0;
    const to = range ? from + range.size : prefix.length + octets.length;
    if (from < Math.min(to, prefix.length)) yield prefix.subarray(from, to);
    const rest = octets.subarray(Math.max(0, from - prefix.length), Math.max(0, to - prefix.length));
    if (rest.length > 0) yield rest;
  }

  async octets(contents: readonly Content[], signal: AbortSignal): Promise<readonly (Buffer | undefined)[]> {
    signal.throwIfAborted();
    return contents.map(({ prefix, bodyId }) => {
      const body = this.#bodies.get(bodyId);
      return body && Buffer.concat([Buffer.from(prefix), body.octets]);
    });
  }

  #body(bodyId: string): MemoryBody {
    const body = this.#bodies.get(bodyId);
    if (body) return body;
    throw new StoreUnavailable(`body ${bodyId} does not exist`);
  }

  newDeliveryId(): string {
    return randomUUID();
  }
}

export async function collected(
  bodyId: string,
  size: number,
  body: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  const octets = Buffer.concat(parts);
  if (octets.length === size) return octets;
  throw new StoreUnavailable(`body ${bodyId} has ${octets.length} octets, not ${size}`);
}
