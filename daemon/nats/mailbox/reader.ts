/**
 * Reads single records of one stream, and waits out what passes: a lost connection, a change of leader.
 *
 * Reading again is harmless, and a delivery that is deferred for a moment's outage would wait for minutes. A request
 * that was on its way when the connection went is never answered, so it is asked again at once when it is back.
 *
 * Fails: `StoreFault` when there is no answer within the patience.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Link } from "../connect.ts";
import { StoreFault } from "../fault.ts";
import { lastOnSubject, type StoredRecord } from "../read.ts";
import { lastOf } from "./pages.ts";

const PATIENCE_MS = 15_000;
const PAUSE_MS = 100;
const NOTHING = new Uint8Array();

export class Reader {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #stream: string;

  constructor(link: Link, clock: Clock, stream: string) {
    this.#link = link;
    this.#clock = clock;
    this.#stream = stream;
  }

  /** The last word on a subject, by the leader. */
  last(subject: string): Promise<StoredRecord | undefined> {
    return this.#patiently(() => lastOnSubject(this.#link, this.#stream, subject));
  }

  /** A record that never changes: from any replica, or else from the leader, since a replica may lag behind. */
  async fixed(subject: string): Promise<Uint8Array | undefined> {
    const api = `$JS.API.DIRECT.GET.${this.#stream}.${subject}`;
    const answer = await this.#patiently(() => this.#link.nc.request(api, NOTHING, { timeout: 5_000 }));
    if (answer.data.length > 0) return answer.data;
    const record = await this.last(subject);
    return record && record.data.length > 0 ? record.data : undefined;
  }

  /** Many of those by one request; what does not exist, or is empty, is left out. At most 1,000. */
  async fixedOf(subjects: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>();
    if (subjects.length === 0) return found;
    const [only] = subjects;
    if (subjects.length === 1 && only !== undefined) {
      const data = await this.fixed(only); // one request, without a subscription of its own
      return data ? found.set(only, data) : found;
    }
    const read = () => lastOf(this.#link, this.#stream, subjects, signal);
    for (const { subject, data } of (await this.#patiently(read, signal)).records)
      if (data.length > 0) found.set(subject, data);
    for (const subject of subjects) {
      if (found.has(subject)) continue;
      const record = await this.last(subject);
      if (record && record.data.length > 0) found.set(subject, record.data);
    }
    return found;
  }

  async #patiently<T>(read: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const end = this.#clock.monotonic() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.#once(read, end);
      } catch (error) {
        if (error instanceof StoreFault && error.kind === "refused") throw error;
        signal?.throwIfAborted();
        if (this.#clock.monotonic() >= end || this.#link.nc.isClosed())
          throw new StoreFault("away", `no answer from ${this.#stream}`, error);
        if (this.#link.isUp()) await this.#clock.sleep(PAUSE_MS);
      }
    }
  }

  /** Ends early when the connection goes: the answer would never come. */
  async #once<T>(read: () => Promise<T>, end: number): Promise<T> {
    if (!this.#link.isUp()) {
      const left = Math.max(1, Math.ceil(end - this.#clock.monotonic()));
      await this.#link.up(AbortSignal.timeout(left));
    }
    const down = Promise.withResolvers<never>();
    const forget = this.#link.onceDown(() => down.reject(new StoreFault("away", "connection lost")));
    try {
      return await Promise.race([read(), down.promise]);
    } finally {
      forget();
    }
  }
}
