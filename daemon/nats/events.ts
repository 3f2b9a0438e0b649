/**
 * Trace events on stream `EVENTS`, in pages: what happens within a quarter of a second, or 64 KiB of it, is one record.
 *
 * The road of a message must not pay a write per event, so a page is written behind it and not waited for. What a crash
 * can cost is the last page: jobs that are still queued carry their own history, and a marker says what is done.
 *
 * Reading starts at the time that a message's id carries, and ends when the log does.
 */
import type { Log } from "../kit/log.ts";
import type { TraceEvent } from "../queue/events.ts";
import { idTime } from "../queue/ids.ts";
import type { MessageId } from "../queue/job.ts";
import type { Link } from "./connect.ts";
import { EVENT_STREAM } from "./streams.ts";
import { Tail, type TailMessage } from "./tail.ts";

const FLUSH_MS = 250;
const PAGE = 64 << 10;
/** Pages that may be on their way; beyond it events are dropped and counted, never queued without bound. */
const IN_FLIGHT = 64;
const CLOCKS_APART_MS = 60_000;
/** Times are told to the server as RFC 3339 has them, with four digits for the year; an id that was made up may go beyond. */
const LATEST = Date.UTC(9999, 11, 31);

export class EventLog implements AsyncDisposable {
  readonly #link: Link;
  readonly #log: Log;
  readonly #subject: string;
  #lines: string[] = [];
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  #flights = new Set<Promise<void>>();
  #dropped = 0;

  /** `origin` names the process; it becomes part of the subject. */
  constructor(link: Link, origin: string, log: Log) {
    this.#link = link;
    this.#log = log;
    this.#subject = `events.${link.confined ?? "_"}.${origin.replaceAll(/[^A-Za-z0-9_-]/g, "_")}`;
  }

  record(event: TraceEvent): void {
    const line = JSON.stringify(event);
    this.#lines.push(line);
    this.#size += line.length + 1;
    if (this.#size >= PAGE) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#lines;
    if (lines.length === 0) return;
    this.#lines = [];
    this.#size = 0;
    if (this.#flights.size >= IN_FLIGHT || !this.#link.isUp()) {
      this.#dropped += lines.length;
      return;
    }
    const flight = this.#write(lines);
    this.#flights.add(flight);
    void flight.finally(() => this.#flights.delete(flight));
  }

  async #write(lines: readonly string[]): Promise<void> {
    try {
      await this.#link.nc.request(this.#subject, Buffer.from(lines.join("\n")), { timeout: 10_000 });
      if (this.#dropped === 0) return;
      this.#log.warn({ events: this.#dropped }, "trace events were dropped while the store was slow or away");
      this.#dropped = 0;
    } catch {
      this.#dropped += lines.length;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#flush();
    await Promise.all(this.#flights);
  }
}

/** The events of one message, oldest first: what its reader may see of them. */
export async function readEvents(link: Link, message: MessageId, log: Log): Promise<TraceEvent[]> {
  const events: TraceEvent[] = [];
  const onPage = (page: Buffer) => {
    if (!page.includes(message)) return;
    for (const line of linesOf(page)) if (line.includes(message)) events.push(JSON.parse(line) as TraceEvent);
  };
  const since = Math.min(idTime(message), LATEST) - CLOCKS_APART_MS;
  await using tail = pages(link, since, onPage, log);
  await tail.start();
  await tail.caughtUp;
  return events.sort((a, b) => a.at - b.at);
}

export interface FollowOptions {
  /** ms since the epoch */
  readonly since: number;
  readonly onEvent: (event: TraceEvent) => void;
  readonly log: Log;
}

/** Every event since then, those that its reader may see; resolves when what was there has been told. */
export async function followEvents(
  link: Link,
  { since, onEvent, log }: FollowOptions,
): Promise<AsyncDisposable> {
  const onPage = (page: Buffer) => {
    for (const line of linesOf(page)) onEvent(JSON.parse(line) as TraceEvent);
  };
  const tail = await pages(link, since, onPage, log).start();
  await tail.caughtUp;
  return tail;
}

function pages(link: Link, since: number, onPage: (page: Buffer) => void, log: Log): Tail {
  const onMessage = ({ data, forged }: TailMessage) => {
    if (!forged) onPage(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  };
  const filter = `events.${link.confined ?? "*"}.*`;
  return new Tail(link, { stream: EVENT_STREAM, filters: [filter], since, onMessage, log });
}

const linesOf = (page: Buffer): string[] => page.toString("utf8").split("\n");
