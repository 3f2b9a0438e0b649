/**
 * What a hook is still to be told: events in the order of the stream, a bounded number at a time.
 *
 * A hook that keeps up is *live*: it is fed by the one reading that all hooks of its namespace share. One that does not is
 * *behind*: once it has room, it reads for itself from where it stands, until it has caught up with the others.
 *
 * In:     records by sequence; each event is taken once and told as done once.
 * Out:    `place`: every event up to there is done with. Whoever takes over begins behind it, so what is lost with a process
 *         is told again, and nothing is passed over.
 * Memory: `ROOM` events, and those of one record.
 */
import { Deque } from "../kit/deque.ts";
import type { Turns } from "../kit/fair-slots.ts";
import type { MessageEvent } from "../queue/message-event.ts";
import type { EventSource, Place, Reading } from "./store.ts";

export interface Item {
  readonly sequence: number;
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

export class Intake implements AsyncDisposable {
  readonly #o: IntakeOptions;
  readonly #fresh = new Deque<Item>();
  /** Events of each record that are not done with; records in ascending order. */
  readonly #open = new Map<number, number>();
  readonly #taken = new Set<Item>();
  /** Up to here everything has been told to us; 0: not known. */
  #position: number;
  #state: "live" | "behind" | "catching up" | "closed" = "behind";
  #reading: Reading | undefined;
  #closing: Promise<void> = Promise.resolve();

  constructor(options: IntakeOptions) {
    this.#o = options;
    this.#position = "after" in options.from ? options.from.after : 0;
    this.#catchUp();
  }

  /** Something was done with since whoever writes the place took this back. */
  hasWorked = false;

  get place(): Place {
    const [first] = this.#open.keys();
    if (first !== undefined) return { after: first - 1 };
    return this.#position === 0 ? this.#o.from : { after: this.#position };
  }

  /** When the oldest event happened that is not done with, ms since the epoch. */
  get oldest(): number | undefined {
    const [taken] = this.#taken;
    const first = taken ?? this.#fresh.peek();
    return first && Date.parse(first.event.timestamp);
  }

  /** A record of the shared reading. */
  offer(sequence: number, events: readonly MessageEvent[]): void {
    if (this.#state !== "live" || sequence <= this.#position) return;
    if (this.#fresh.size >= ROOM) this.#state = "behind";
    else this.#add(sequence, events);
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
    const left = (this.#open.get(item.sequence) ?? 0) - 1;
    if (left > 0) this.#open.set(item.sequence, left);
    else this.#open.delete(item.sequence);
  }

  #add(sequence: number, events: readonly MessageEvent[]): void {
    this.#position = sequence;
    const ours = events.filter(this.#o.fits);
    if (ours.length === 0) return;
    this.#open.set(sequence, ours.length);
    for (const event of ours) this.#fresh.push({ sequence, event });
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
    const place = this.#position === 0 ? from : { after: this.#position };
    this.#reading = source.read(namespace, place, (sequence, events) => {
      if (this.#state !== "catching up" || sequence <= this.#position) return;
      if (this.#fresh.size >= ROOM) {
        this.#state = "behind"; // what still comes is passed over, and read again from here
        this.#stopReading();
        return stopped.resolve();
      }
      this.#add(sequence, events);
      goLive();
    });
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
