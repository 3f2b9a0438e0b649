/**
 * Keys that are to be woken at a time: one sleeper for all of them, whatever their number.
 *
 * A key has one alarm; setting it again moves it. A heap keeps them by time; what was moved or removed stays in it until
 * its time comes, and is passed over then.
 */
import type { Clock } from "../../daemon/kit/clock.ts";

interface Alarm {
  readonly key: string;
  readonly due: number;
}

interface Sleep {
  readonly until: number;
  readonly stop: AbortController;
}

export class Alarms implements Disposable {
  readonly #clock: Clock;
  readonly #ring: (key: string) => void;
  readonly #set = new Map<string, Alarm>();
  #heap: Alarm[] = [];
  #sleep: Sleep | undefined;
  #closed = false;

  constructor(clock: Clock, ring: (key: string) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  get size(): number {
    return this.#set.size;
  }

  /** When it rings, on the monotonic clock. */
  due(key: string): number | undefined {
    return this.#set.get(key)?.due;
  }

  set(key: string, due: number): void {
    if (this.#closed) return;
    const alarm = { key, due };
    this.#set.set(key, alarm);
    this.#compact();
    push(this.#heap, alarm);
    this.#arm();
  }

  delete(key: string): boolean {
    return this.#set.delete(key);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#sleep?.stop.abort();
    this.#set.clear();
    this.#heap = [];
  }

  /** Keys that are moved again and again must not fill the memory. */
  #compact(): void {
    if (this.#heap.length < 64 || this.#heap.length < this.#set.size * 2) return;
    this.#heap = [];
    for (const alarm of this.#set.values()) push(this.#heap, alarm);
  }

  #arm(): void {
    const [first] = this.#heap;
    if (first === undefined || this.#closed) return;
    if (this.#sleep !== undefined && this.#sleep.until <= first.due) return;
    this.#sleep?.stop.abort();
    const sleep = { until: first.due, stop: new AbortController() };
    this.#sleep = sleep;
    this.#clock.sleep(Math.max(0, first.due - this.#clock.monotonic()), sleep.stop.signal).then(
      () => this.#wake(sleep),
      () => {}, // an earlier one was set, or all is over
    );
  }

  #wake(sleep: Sleep): void {
    if (this.#sleep !== sleep) return;
    this.#sleep = undefined;
    const now = this.#clock.monotonic();
    // A timer may fire a moment before its time.
    while (this.#heap[0] !== undefined && this.#heap[0].due <= now + 1) {
      const alarm = pop(this.#heap) as Alarm;
      if (this.#set.get(alarm.key) !== alarm) continue;
      this.#set.delete(alarm.key);
      this.#ring(alarm.key);
    }
    this.#arm();
  }
}

function push(heap: Alarm[], alarm: Alarm): void {
  let at = heap.push(alarm) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Alarm;
    if (above.due <= alarm.due) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = alarm;
}

function pop(heap: Alarm[]): Alarm | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as Alarm).due < (heap[child] as Alarm).due) child++;
    if ((heap[child] as Alarm).due >= last.due) break;
    heap[at] = heap[child] as Alarm;
    at = child;
  }
  heap[at] = last;
  return first;
}
