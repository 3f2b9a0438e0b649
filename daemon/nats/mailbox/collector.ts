/**
 * Takes bodies away that nothing refers to any more: the only one who removes octets. Why it can never take one that is
 * referred to, also when it dies in between or two of them run: `bodies.ts`.
 *
 * In:     notes that were left when a message was removed, or before a large body was stored.
 * Out:    bodies without references are gone; notes that were settled are gone.
 * Fails:  never for long: what could not be done now stays noted, and is tried in the next round.
 * Limits: a round looks at `ROUND` notes, a few at a time.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { type ApiError, Conflict, faultOf, StoreFault } from "../fault.ts";
import { anyHolds } from "../holdings.ts";
import { recordsUnder } from "./pages.ts";
import type { Reader } from "./reader.ts";
import { decodeHead, decodeNote, encodeHead, type Note } from "./records.ts";
import {
  bodyChunks,
  bodyMarks,
  bodyOf,
  everyGarbage,
  garbageSubject,
  headSubject,
  mailStream,
  type Shard,
} from "./subjects.ts";

export interface CollectorParts {
  readonly link: Link;
  readonly shard: Shard;
  readonly reader: Reader;
  readonly commit: GroupCommit;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Round {
  /** Notes that were old enough. */
  readonly looked: number;
  readonly removed: number;
}

const ROUND = 5_000;
const SIDE_BY_SIDE = 4;
/** Somebody may be reading what was expunged just now. */
const EXPUNGED_MS = 120_000;
/** Storing a body takes as long as its sender likes. */
const STORING_MS = 6 * 3_600_000;
const NOTHING = new Uint8Array();

interface Task {
  readonly bodyId: string;
  readonly note: Note;
  readonly sequence: number;
}

export class Collector {
  readonly #parts: CollectorParts;
  readonly #waits: Readonly<Record<Note["why"], number>>;

  /** `waits`: how old a note must be, ms. */
  constructor(parts: CollectorParts, waits = { expunged: EXPUNGED_MS, storing: STORING_MS }) {
    this.#parts = parts;
    this.#waits = waits;
  }

  async round(signal: AbortSignal): Promise<Round> {
    const tasks = await this.#tasks(signal);
    const looked = tasks.length;
    let removed = 0;
    const worker = async () => {
      for (let task = tasks.shift(); task && !signal.aborted; task = tasks.shift())
        if (await this.#settle(task)) removed++;
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
    return { looked, removed };
  }

  async #tasks(signal: AbortSignal): Promise<Task[]> {
    const { link, shard, clock } = this.#parts;
    const tasks: Task[] = [];
    const now = clock.now();
    const notes = recordsUnder(link, mailStream(shard), everyGarbage(shard), signal);
    for await (const { subject, sequence, data } of notes) {
      if (data.length === 0) continue;
      const note = decodeNote(data);
      if (now - note.since < this.#waits[note.why]) continue;
      tasks.push({ bodyId: bodyOf(subject), note, sequence });
      if (tasks.length === ROUND) break;
    }
    return tasks;
  }

  /** True when the body is gone. */
  async #settle(task: Task): Promise<boolean> {
    try {
      return await this.#collect(task);
    } catch (error) {
      // A comparison that failed means that somebody needs the body, or works on it.
      if (!(error instanceof Conflict) && !(error instanceof StoreFault)) throw error;
      this.#parts.log.debug({ err: error, body: task.bodyId }, "a body is looked at again later");
      return false;
    }
  }

  async #collect({ bodyId, sequence, note }: Task): Promise<boolean> {
    const { shard, reader, commit } = this.#parts;
    const subject = garbageSubject(shard, bodyId);
    if (await this.#isReferredTo(bodyId, sequence)) return this.#spare(bodyId, sequence);
    const found = await reader.last(subject);
    if (found?.sequence !== sequence) return false;
    const bound = await commit.commit([{ subject, data: found.data, expect: sequence }]);
    const head = await this.#doom(bodyId);
    if (await this.#isReferredTo(bodyId, Math.max(bound, head ?? 0))) return this.#spare(bodyId, bound);
    await this.#purge(bodyChunks(shard, bodyId), bound);
    if (head !== undefined) await this.#purge(headSubject(shard, bodyId), head + 1);
    await this.#drop(bodyId, bound);
    this.#parts.log.debug({ body: bodyId, why: note.why }, "a body that nothing refers to was removed");
    return true;
  }

  /** The sequence of the head that says so; `undefined` when there is no head. */
  async #doom(bodyId: string): Promise<number | undefined> {
    const { shard, reader, commit } = this.#parts;
    const subject = headSubject(shard, bodyId);
    const found = await reader.last(subject);
    if (!found || found.data.length === 0) return undefined;
    const head = decodeHead(found.data);
    if (head.doomed) return found.sequence;
    const data = encodeHead({ ...head, doomed: true });
    return commit.commit([{ subject, data, expect: found.sequence }]);
  }

  /** It is needed: a head that was doomed may be relied on again, and the note goes. */
  async #spare(bodyId: string, note: number): Promise<false> {
    const { shard, reader, commit } = this.#parts;
    const subject = headSubject(shard, bodyId);
    const found = await reader.last(subject);
    if (found && found.data.length > 0) {
      const head = decodeHead(found.data);
      const data = encodeHead({ ...head, doomed: false });
      if (head.doomed) await commit.commit([{ subject, data, expect: found.sequence }]);
    }
    await this.#drop(bodyId, note);
    return false;
  }

  /** In a moment behind this record; by copies that know of it (`holdings.ts`). */
  #isReferredTo(bodyId: string, since: number): Promise<boolean> {
    const { link, shard } = this.#parts;
    return anyHolds(link, { stream: mailStream(shard), filter: bodyMarks(shard, bodyId), since });
  }

  async #drop(bodyId: string, note: number): Promise<void> {
    const subject = garbageSubject(this.#parts.shard, bodyId);
    await this.#parts.commit.commit([{ subject, data: NOTHING, expect: note, ttl: "1s" }]);
  }

  /** What matches and lies before `bound`. */
  async #purge(filter: string, bound: number): Promise<void> {
    const { link, shard } = this.#parts;
    const question = JSON.stringify({ filter, seq: bound });
    const api = `$JS.API.STREAM.PURGE.${mailStream(shard)}`;
    let answer: { readonly error?: ApiError };
    try {
      answer = (await link.nc.request(api, question, { timeout: 10_000 })).json();
    } catch (error) {
      throw new StoreFault("away", "no answer to a purge", error);
    }
    if (answer.error) throw faultOf(answer.error);
  }
}
