/**
 * The store of reports on JetStream: stream `REPORTS`, subjects `reports.<namespace>.<kind>.<day>.` with
 * `page.<author>` (appended), `round` (the last counts) and `sent.<report>` (the last counts).
 *
 * The oldest leaves first, by age (four days) or for want of room. What was sent is written after the pages that it was made
 * of, so it is remembered for longer than there is anything to send again.
 *
 * Fails:  rejects with a `StoreFault`; a compare-and-set that lost, or whose answer was lost, is `undefined`.
 */
import { setImmediate as turn } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { type Day, dayStart } from "../mail/report/day.ts";
import { type Kind, kinds, type Page, type Place, placeText } from "../reports/fact.ts";
import {
  type Heard,
  heldMs,
  type ReportStore,
  type Round,
  type SentReport,
  type Versioned,
} from "../reports/store.ts";
import { type Entry, GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { Conflict } from "./fault.ts";
import { managerOf } from "./insist.ts";
import { lastOnSubject } from "./read.ts";
import { base, ensure } from "./streams.ts";
import { Tail, type TailMessage } from "./tail.ts";

const REPORT_STREAM = "REPORTS";
const daysKept = 4;
const dayNs = 86_400e9;
const usualBytes = 64 << 20;
/** Of a page when it is unpacked: whoever writes one could write anything. */
const pageMax = 8 << 20;
const clocksApartMs = 3_600_000;
/** A page can wait, and a daemon that stops should not. */
const pageTimeoutMs = 5_000;

export async function ensureReports(link: Link, replicas: number, bytes: number | undefined): Promise<void> {
  const jsm = await managerOf(link);
  await ensure(jsm, {
    ...base({ replicas }),
    name: REPORT_STREAM,
    subjects: ["reports.>"],
    max_msgs_per_subject: -1,
    discard: "old",
    max_age: daysKept * dayNs,
    max_bytes: bytes || usualBytes,
  });
}

export interface ReportStoreOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly log: Log;
  /** The only namespace that is served. */
  readonly namespace?: string | undefined;
}

const token = (text: string): string => text.replaceAll(/[^A-Za-z0-9_-]/g, "_");
const prefix = ({ namespace, kind, day }: Place): string => `reports.${token(namespace)}.${kind}.${day}`;

export class JetStreamReportStore implements ReportStore, AsyncDisposable {
  readonly #o: ReportStoreOptions;
  readonly #commit: GroupCommit;
  readonly #heard = new Map<string, Heard>();
  #tail: Tail | undefined;

  constructor(options: ReportStoreOptions) {
    const { link, clock, log } = options;
    this.#o = options;
    this.#commit = new GroupCommit(link, { stream: REPORT_STREAM, clock, log });
  }

  /** Hears of rounds from then on; does not wait for the store. */
  listen(): this {
    const { link, log } = this.#o;
    const filters = [this.#filter("round")];
    const onMessage = (message: TailMessage) => this.#hear(message);
    this.#tail = new Tail(link, { stream: REPORT_STREAM, filters, onMessage, log });
    void this.#tail.begin(); // it never rejects, and ends when it is closed
    return this;
  }

  async put(place: Place, page: Page): Promise<void> {
    const author = token(page.id.slice(0, Math.max(0, page.id.lastIndexOf("."))));
    const data = gzipSync(JSON.stringify(page));
    await this.#commit.commit([{ subject: `${prefix(place)}.page.${author}`, data }], pageTimeoutMs);
  }

  async read(place: Place, onPage: (page: Page) => void): Promise<void> {
    const { link, log } = this.#o;
    let read = Promise.resolve();
    const onMessage = ({ data, forged }: TailMessage) => {
      if (forged) return;
      // A page at a time, each some milliseconds' work: others have their turn in between.
      read = read.then(async () => {
        const page = parsePage(data);
        if (page) onPage(page);
        await turn();
      });
    };
    await using tail = await new Tail(link, {
      stream: REPORT_STREAM,
      filters: [`${prefix(place)}.page.*`],
      since: dayStart(place.day) - clocksApartMs,
      onMessage,
      log,
    }).start();
    await tail.caughtUp;
    await read;
  }

  /** Every report of these days that was sent or tried, as it stands. */
  reports(): Promise<readonly (readonly [Place, SentReport])[]> {
    return this.#all<SentReport>("sent.*");
  }

  /** Where the reports of these days stand. */
  rounds(): Promise<readonly (readonly [Place, Round])[]> {
    return this.#all<Round>("round");
  }

  async #all<T>(rest: string): Promise<readonly (readonly [Place, T])[]> {
    const { link, log } = this.#o;
    const found = new Map<string, readonly [Place, T]>();
    const onMessage = ({ subject, data, forged }: TailMessage) => {
      const place = forged ? undefined : placeOf(subject);
      const value = parse<T>(data);
      if (place && value) found.set(subject, [place, value]);
    };
    const filters = [this.#filter(rest)];
    await using tail = await new Tail(link, { stream: REPORT_STREAM, filters, onMessage, log }).start();
    await tail.caughtUp;
    return [...found.values()];
  }

  #filter(rest: string): string {
    const { namespace } = this.#o;
    return `reports.${namespace === undefined ? "*" : token(namespace)}.*.*.${rest}`;
  }

  heard(place: Place): Heard | undefined {
    return this.#heard.get(placeText(place));
  }

  round(place: Place): Promise<Versioned<Round> | undefined> {
    // Written by somebody who may not: as if there were none, but for its revision.
    return this.#last(`${prefix(place)}.round`, {
      state: "waiting",
      notBefore: 0,
      tries: 0,
      why: "it was forged",
    });
  }

  setRound(place: Place, round: Round, expect: number): Promise<number | undefined> {
    const ttl = round.state === "held" ? { ttl: `${heldMs / 1_000}s` } : {};
    const data = Buffer.from(JSON.stringify(round));
    return this.#set({ subject: `${prefix(place)}.round`, data, expect, ...ttl });
  }

  report(place: Place, id: string): Promise<Versioned<SentReport> | undefined> {
    return this.#last<SentReport>(`${prefix(place)}.sent.${token(id)}`, undefined);
  }

  setReport(place: Place, id: string, report: SentReport, expect: number): Promise<number | undefined> {
    const data = Buffer.from(JSON.stringify(report));
    return this.#set({ subject: `${prefix(place)}.sent.${token(id)}`, data, expect });
  }

  async #set(entry: Entry): Promise<number | undefined> {
    try {
      return await this.#commit.commit([entry]);
    } catch (error) {
      if (error instanceof Conflict) return undefined;
      throw error;
    }
  }

  async #last<T>(subject: string, instead: T | undefined): Promise<Versioned<T> | undefined> {
    const record = await lastOnSubject(this.#o.link, REPORT_STREAM, subject);
    if (record === undefined) return undefined;
    const value = record.forged ? instead : (parse<T>(record.data) ?? instead);
    return value === undefined ? undefined : { value, revision: record.sequence };
  }

  #hear({ subject, data, forged }: TailMessage): void {
    const place = placeOf(subject);
    const round = parse<Round>(data);
    if (forged || place === undefined || round === undefined) return;
    if (this.#heard.size > heardMax) this.#heard.clear(); // the store is asked then
    this.#heard.set(placeText(place), { round, at: this.#o.clock.monotonic() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail?.[Symbol.asyncDispose]();
    await this.#commit.settled();
  }
}

/** Namespaces, kinds and days: four days of more namespaces than a store can serve. */
const heardMax = 50_000;

function placeOf(subject: string): Place | undefined {
  const [, namespace, kind, day] = subject.split(".");
  if (namespace === undefined || day === undefined || !kinds.includes(kind as Kind)) return undefined;
  return { namespace, kind: kind as Kind, day: day as Day };
}

function parse<T>(data: Uint8Array): T | undefined {
  try {
    const value = JSON.parse(Buffer.from(data).toString()) as unknown;
    return typeof value === "object" && value !== null && "state" in value ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

function parsePage(data: Uint8Array): Page | undefined {
  try {
    const text = gunzipSync(data, { maxOutputLength: pageMax }).toString();
    const page = JSON.parse(text) as Partial<Page>;
    const { id, at, missed, sums } = page;
    const whole = typeof id === "string" && Number.isFinite(at) && Number.isSafeInteger(missed);
    return whole && Array.isArray(sums) && sums.every(isSum) ? (page as Page) : undefined;
  } catch {
    return undefined;
  }
}

const isSum = (sum: unknown): boolean =>
  Array.isArray(sum) &&
  sum.length === 5 &&
  Number.isSafeInteger(sum[4]) &&
  sum[4] > 0 &&
  sum.slice(0, 4).every((text) => typeof text === "string");
