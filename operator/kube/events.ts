/**
 * Events for people: what `kubectl describe` and `kubectl events` show of an object.
 *
 * Spec:   events.k8s.io/v1. A repetition is no new event but counts in the `series` of the first, written at most once a
 *         minute; one that was not repeated for six minutes begins anew. A chatty object is cut short (25 at once, then
 *         one in five minutes, as in client-go), and no more than a bounded number of writes wait at all.
 * Fails:  never: an event that cannot be written is dropped, and logged at debug. Nothing depends on events.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { Alarms } from "./alarms.ts";
import { kinds } from "./kinds.ts";
import { microTime } from "./lease.ts";
import type { KubeObject } from "./object.ts";
import { type Events, type Kube, KubeError } from "./port.ts";

export interface EventsOptions {
  readonly kube: Kube;
  /** Who reports, such as `postfleet-operator`. */
  readonly reporter: string;
  /** Which of them: the pod. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
}

type Type = "Normal" | "Warning";

interface Series {
  readonly namespace: string;
  readonly name: string;
  readonly event: KubeObject;
  count: number;
  /** As the API server knows it; 0: the event does not exist yet. */
  written: number;
  lastAt: number;
  writtenAt: number;
}

const AGAIN_MS = 6 * 60_000;
const REWRITE_MS = 60_000;
const BURST = 25;
const REFILL_MS = 5 * 60_000;
const WAITING = 1_000;
const REMEMBERED = 4_096;
const CALL_MS = 10_000;
const FLUSH_MS = 2_000;
/** Bounds of the API; longer texts are refused. */
const NOTE_OCTETS = 1_024;
const NAME_LENGTH = 253;

export class ApiEvents implements Events, AsyncDisposable {
  readonly #options: EventsOptions;
  /** By what they say of whom, least recently repeated first. */
  readonly #series = new Map<string, Series>();
  readonly #tokens = new Map<string, { left: number; at: number }>();
  readonly #waiting = new Set<Series>();
  readonly #rewrites: Alarms;
  readonly #stop = new AbortController();
  #writing: Promise<void> | undefined;
  #dropped = 0;

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#rewrites = new Alarms(options.clock, (key) => {
      const series = this.#series.get(key);
      if (series !== undefined) this.#enqueue(series);
    });
  }

  /** Events that were never written: too many at once, or the API server would not have them. */
  get dropped(): number {
    return this.#dropped;
  }

  record(about: KubeObject, type: Type, reason: string, message: string): void {
    const { clock } = this.#options;
    const key = JSON.stringify([about.metadata.uid ?? about.metadata.name, type, reason, message]);
    const known = this.#series.get(key);
    const now = clock.monotonic();
    if (known !== undefined && now - known.lastAt < AGAIN_MS) {
      this.#series.delete(key);
      this.#series.set(key, known);
      known.count++;
      known.lastAt = now;
      this.#rewrites.set(key, Math.max(now, known.writtenAt + REWRITE_MS));
      return;
    }
    if (!this.#allowed(about, now)) return void this.#dropped++;
    const series = this.#begin(about, type, reason, message, now);
    this.#series.set(key, series);
    this.#forgetOld();
    this.#enqueue(series);
  }

  /** What waits is written, for a moment; then the rest is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const series of this.#series.values()) if (series.count > series.written) this.#enqueue(series);
    this.#rewrites[Symbol.dispose]();
    const limit = setTimeout(() => this.#stop.abort(new Error("the events were stopped")), FLUSH_MS);
    await this.#writing;
    clearTimeout(limit);
    this.#stop.abort(new Error("the events were stopped"));
  }

  /** A bucket of tokens for each object. */
  #allowed({ metadata }: KubeObject, now: number): boolean {
    const key = metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
    const bucket = this.#tokens.get(key) ?? { left: BURST, at: now };
    const left = Math.min(BURST, bucket.left + (now - bucket.at) / REFILL_MS);
    const allowed = left >= 1;
    this.#tokens.delete(key);
    this.#tokens.set(key, { left: allowed ? left - 1 : left, at: now });
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > REMEMBERED && oldest !== undefined) this.#tokens.delete(oldest);
    return allowed;
  }

  #begin(about: KubeObject, type: Type, reason: string, message: string, now: number): Series {
    const { reporter, instance, clock } = this.#options;
    const { name, namespace, uid, resourceVersion } = about.metadata;
    // Events of what has no namespace are kept in this one.
    const home = namespace ?? "default";
    const suffix = `.${randomBytes(8).toString("hex")}`;
    const eventName = `${name.slice(0, NAME_LENGTH - suffix.length)}${suffix}`;
    const { apiVersion, kind } = kinds.Event;
    const event = {
      apiVersion,
      kind,
      metadata: { name: eventName, namespace: home },
      eventTime: microTime(clock.now()),
      reportingController: reporter,
      reportingInstance: instance.slice(0, 128),
      action: reason,
      reason,
      regarding: { apiVersion: about.apiVersion, kind: about.kind, name, namespace, uid, resourceVersion },
      note: shortened(message),
      type,
    };
    return { namespace: home, name: eventName, event, count: 1, written: 0, lastAt: now, writtenAt: now };
  }

  #forgetOld(): void {
    const [oldest] = this.#series.keys();
    if (this.#series.size <= REMEMBERED || oldest === undefined) return;
    this.#series.delete(oldest);
    this.#rewrites.delete(oldest);
  }

  #enqueue(series: Series): void {
    if (this.#stop.signal.aborted || this.#waiting.size >= WAITING) return void this.#dropped++;
    this.#waiting.add(series);
    this.#writing ??= this.#writeAll();
  }

  /** One after the other: events are the least urgent of all writes. */
  async #writeAll(): Promise<void> {
    for (const series of this.#waiting) {
      this.#waiting.delete(series);
      try {
        await this.#write(series);
      } catch (error) {
        this.#dropped++;
        this.#options.log.debug({ event: series.name, error: String(error) }, "an event was not written");
      }
    }
    this.#writing = undefined;
  }

  async #write(series: Series): Promise<void> {
    const { kube, clock } = this.#options;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(CALL_MS)]);
    const count = series.count;
    series.writtenAt = clock.monotonic();
    if (series.written > 0)
      try {
        const patch = { series: { count, lastObservedTime: microTime(clock.now()) } };
        await kube.patch(kinds.Event, series.namespace, series.name, patch, signal);
        series.written = count;
        return;
      } catch (error) {
        // The API server forgets events after an hour.
        if (!(error instanceof KubeError && error.status === 404)) throw error;
      }
    await kube.create(series.event, signal);
    series.written = count;
  }
}

function shortened(text: string): string {
  const octets = Buffer.from(text);
  if (octets.length <= NOTE_OCTETS) return text;
  // A character that was cut in two becomes a sign of three octets.
  return `${octets.subarray(0, NOTE_OCTETS - 6).toString("utf8")}…`;
}
