/**
 * What a hook is still to be told: events in the order of the stream, a bounded number at a time.
 *
 * A hook that keeps up is *live*: it is fed by the one reading that all hooks of its namespace share. One that does not is
 * *behind*: once it has room, it reads for itself from where it stands, until it has caught up with the others.
 *
 * In:     records by sequence; each event is taken once and told as done once.
 * Out:    `place`: every event up to there is done with. Whoever takes over begins behind it, so what is lost with a process
 *         is told again, and nothing is passed over.
 * Back:   a stream that was brought back from a copy goes on before the place; then the place goes back to where it does. What was
 *         taken before is told all the same, though the stream has it no more.
 * Memory: `ROOM` events, and those of one record.
 */
import { Deque } from "../kit/deque.ts";
import type { Turns } from "../kit/fair-slots.ts";
import type { MessageEvent } from "../queue/message-event.ts";
import type { EventSource, OnRecord, Place, Reading } from "./store.ts";

/** A record of which something is not done with. */
interface Open {
  sequence: number;
  left: number;
}

export interface Item {
  readonly record: Open;
  readonly event: MessageEvent;
}

export interface IntakeOptions {
  readonly source: EventSource;
  readonly namespace: string;
  readonly from: Place;
  readonly fits: (event: MessageEvent) => boolean;
  /** The last record that the shared reading has told; 0: none yet. */
  readonly seen: () => number;
  /** How many hooks may catch up at once. */
  readonly slots: Turns;
  /** There is something to take. */
  readonly onMore: () => void;
}

const ROOM = 100;
/** Servers' clocks differ, and the stream's leader may change. */
const clocksMs = 2_000;

export class Intake implements AsyncDisposable {
  readonly #o: IntakeOptions;
  readonly #fresh = new Deque<Item>();
  /** In ascending order. */
  readonly #open = new Set<Open>();
  readonly #taken = new Set<Item>();
  /** Up to here everything has been told to us; 0: not known. */
  #position: number;
  /** When the newest record was stored that was told to us. */
  #at: number | undefined;
  #state: "live" | "behind" | "catching up" | "closed" = "behind";
  #reading: Reading | undefined;
  #closing: Promise<void> = Promise.resolve();

  constructor(options: IntakeOptions) {
    this.#o = options;
    const { from } = options;
    this.#position = "after" in from ? from.after : 0;
    this.#at = "after" in from ? from.at : undefined;
    this.#catchUp();
  }

  /** Something was done with since whoever writes the place took this back. */
  hasWorked = false;

  get place(): Place {
    const [first] = this.#open;
    if (first === undefined && this.#position === 0) return this.#o.from;
    const after = first === undefined ? this.#position : first.sequence - 1;
    return this.#at === undefined ? { after } : { after, at: this.#at };
  }

  /** When the oldest event happened that is not done with, ms since the epoch. */
  get oldest(): number | undefined {
    const [taken] = this.#taken;
    const first = taken ?? this.#fresh.peek();
    return first && Date.parse(first.event.timestamp);
  }

  /** A record of the shared reading. */
  offer(sequence: number, events: readonly MessageEvent[], at: number): void {
    if (this.#state !== "live" || !this.#isNews(sequence, at)) return;
    if (this.#fresh.size >= ROOM) this.#state = "behind";
    else this.#add(sequence, events, at);
  }

  /** From `next` on the stream holds what was not told, whatever had these numbers before. */
  goBack(next: number): void {
    this.#position = Math.min(this.#position, next - 1);
    for (const record of this.#open) record.sequence = Math.min(record.sequence, next);
    this.hasWorked = true;
  }

  /** Whoever reads for us may have heard less than we, and notice nothing; but no stream has a later record before an earlier. */
  #isNews(sequence: number, at: number): boolean {
    if (sequence > this.#position) return true;
    if (this.#at === undefined || at <= this.#at + clocksMs) return false;
    this.goBack(sequence);
    return true;
  }

  take(): Item | undefined {
    const item = this.#fresh.shift();
    if (item) this.#taken.add(item);
    if (this.#state === "behind" && this.#fresh.size < ROOM / 2) this.#catchUp();
    return item;
  }

  done(item: Item): void {
    this.#taken.delete(item);
    this.hasWorked = true;
    item.record.left--;
    if (item.record.left === 0) this.#open.delete(item.record);
  }

  #add(sequence: number, events: readonly MessageEvent[], at: number): void {
    this.#position = sequence;
    this.#at = at;
    const ours = events.filter(this.#o.fits);
    if (ours.length === 0) return;
    const record = { sequence, left: ours.length };
    this.#open.add(record);
    for (const event of ours) this.#fresh.push({ record, event });
    this.#o.onMore();
  }

  #catchUp(): void {
    this.#state = "catching up";
    const { slots } = this.#o;
    slots.queue(() => {
      if (this.#state === "closed") return slots.give();
      void this.#read().finally(() => slots.give());
    });
  }

  /** Resolves when it is full, or knows all that was there. */
  async #read(): Promise<void> {
    const { source, namespace, seen, from } = this.#o;
    let caughtUp = false;
    const stopped = Promise.withResolvers<void>();
    const goLive = () => {
      if (!caughtUp || this.#state !== "catching up" || this.#position < seen()) return;
      this.#state = "live";
      this.#stopReading();
    };
    const behind = { after: this.#position, ...(this.#at === undefined ? {} : { at: this.#at }) };
    const onRecord: OnRecord = (sequence, events, at) => {
      if (this.#state !== "catching up" || !this.#isNews(sequence, at)) return;
      if (this.#fresh.size >= ROOM) {
        this.#state = "behind"; // what still comes is passed over, and read again from here
        this.#stopReading();
        return stopped.resolve();
      }
      this.#add(sequence, events, at);
      goLive();
    };
    const onAnother = (next: number) => this.goBack(next);
    const place = this.#position === 0 ? from : behind;
    this.#reading = source.read(namespace, place, { onRecord, onAnother });
    const told = this.#reading.caughtUp.then(
      () => {
        caughtUp = true;
        goLive();
      },
      () => {}, // it was closed before
    );
    await Promise.race([told, stopped.promise]);
  }

  #stopReading(): void {
    const reading = this.#reading;
    this.#reading = undefined;
    if (reading) this.#closing = Promise.all([this.#closing, reading[Symbol.asyncDispose]()]).then(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closed";
    this.#stopReading();
    await this.#closing;
  }
}
