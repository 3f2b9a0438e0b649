/**
 * Keeps what a daemon sees until it is stored: a page for each place, once a minute or when there is much.
 *
 * In:     facts, at the moment they are seen.
 * Out:    pages in the store. A daemon that dies loses what it saw since its last page, a minute at most.
 * Fails:  never; the road of a message does not wait. While the store is away pages wait, `waitingMax` of them; then facts
 *         that are not known yet are counted as missed.
 * Bounds: `factsMax` different facts in memory, and the pages that wait.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { dayOf } from "../mail/report/day.ts";
import { type Fact, type Kind, type Page, type Place, placeText } from "./fact.ts";
import type { ReportStore } from "./store.ts";
import { Tally } from "./tally.ts";

export interface RecorderOptions {
  readonly store: Pick<ReportStore, "put">;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this life of this process: page ids begin with it. */
  readonly author: string;
}

/** What sees things. */
export type Note = (kind: Kind, namespace: string, fact: Fact) => void;

export const factsMax = 2_000;
const waitingMax = 16;
const flushMs = 60_000;

interface Waiting {
  readonly place: Place;
  readonly page: Page;
}

export class Recorder implements AsyncDisposable {
  readonly #o: RecorderOptions;
  readonly #tallies = new Map<string, { readonly place: Place; readonly tally: Tally }>();
  #facts = 0;
  #pages = 0;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  readonly #stop = new AbortController();
  readonly #beat: Promise<void>;

  constructor(options: RecorderOptions) {
    this.#o = options;
    this.#beat = this.#run();
  }

  note: Note = (kind, namespace, fact) => {
    const place: Place = { kind, namespace, day: dayOf(this.#o.clock.now()) };
    const key = placeText(place);
    const known = this.#tallies.get(key) ?? { place, tally: new Tally() };
    this.#tallies.set(key, known);
    const before = known.tally.size;
    known.tally.add(fact, this.#facts >= factsMax);
    this.#facts += known.tally.size - before;
    if (this.#facts >= factsMax && this.#waiting.length < waitingMax) void this.flush();
  };

  /** Resolves when what was seen until now is stored, or cannot be for now. */
  async flush(): Promise<void> {
    this.#close();
    while (this.#writing) await this.#writing;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  /** Turns what is counted into pages. */
  #close(): void {
    if (this.#waiting.length >= waitingMax) return;
    const at = this.#o.clock.now();
    for (const { place, tally } of this.#tallies.values()) {
      if (tally.isEmpty) continue;
      this.#pages++;
      this.#waiting.push({ place, page: tally.page(`${this.#o.author}.${this.#pages}`, at) });
    }
    this.#tallies.clear();
    this.#facts = 0;
  }

  async #write(): Promise<void> {
    const { store, log } = this.#o;
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      try {
        await store.put(next.place, next.page);
        this.#waiting.shift();
      } catch (error) {
        log.warn({ err: error, pages: this.#waiting.length }, "what reports count could not be stored yet");
        return;
      }
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#o.clock.sleep(flushMs, signal);
      } catch {
        return;
      }
      await this.flush();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#beat;
    await this.flush();
  }
}
