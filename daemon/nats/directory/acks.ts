/**
 * Tells who works with which revision of the directory: each process keeps one record with a short life.
 *
 * In:     a live directory, and who the process is.
 * Out:    `acknowledge` keeps the record true until it is disposed of; `watchAcks` knows all of them and tells of changes.
 * Fails:  never after the start: a record that could not be written is written again within seconds, or expires.
 */
import { headers } from "@nats-io/transport-node";
import type { LiveDirectory } from "../../directory/directory.ts";
import type { FilterHealth } from "../../filters/health.ts";
import type { Log } from "../../kit/log.ts";
import type { Link } from "../connect.ts";
import { Tail, type TailMessage } from "../tail.ts";
import { ACKS_STREAM, ackSubject, ackSubjects, ensureAcks } from "./bucket.ts";

/** Who a process is. */
export interface Member {
  /** Unique among all processes. */
  readonly member: string;
  /** Where it runs in a cluster. */
  readonly pod?: string;
  readonly namespace?: string;
  readonly roles: readonly string[];
}

export interface Ack extends Member {
  readonly revision: number;
  /** Content filters that do not answer it. */
  readonly filters?: readonly string[];
}

export interface AckOptions {
  readonly link: Link;
  readonly live: LiveDirectory;
  readonly member: Member;
  readonly log: Log;
  /** What it finds of content filters is told along. */
  readonly filters?: Pick<FilterHealth, "failing" | "onChange"> | undefined;
  readonly renewMs?: number;
}

const renewals = 3;

export async function acknowledge(options: AckOptions): Promise<AsyncDisposable> {
  const { link, live, member, log, filters, renewMs = 20_000 } = options;
  await ensureAcks(link);
  const subject = ackSubject(link.confined === undefined ? member : { ...member, namespace: link.confined });
  const write = (ttlMs: number) => {
    if (!link.isUp()) return; // the next renewal tells
    const head = headers();
    head.set("Nats-TTL", `${Math.max(1, Math.ceil(ttlMs / 1_000))}s`);
    const failing = filters?.failing ?? [];
    const told = failing.length === 0 ? {} : { filters: failing };
    const ack: Ack = { ...member, revision: live.current().revision, ...told };
    try {
      link.nc.publish(subject, ttlMs === 0 ? "" : JSON.stringify(ack), { headers: head });
    } catch (error) {
      log.debug({ err: error }, "the directory's revision could not be acknowledged");
    }
  };
  const tell = () => write(renewals * renewMs);
  const stop = live.onChange(tell);
  const deaf = filters?.onChange(tell);
  const timer = setInterval(tell, renewMs);
  tell();
  const returned = onReturn(link, async () => {
    // The server kept all acknowledgements in memory, and may have begun anew.
    await ensureAcks(link).catch((error: unknown) =>
      log.debug({ err: error }, "no place for acknowledgements yet"),
    );
    tell();
  });
  return {
    async [Symbol.asyncDispose]() {
      stop();
      deaf?.();
      returned();
      clearInterval(timer);
      write(0); // an empty record: gone at once
    },
  };
}

/** Calls whenever the connection has come back; returns what ends it. */
function onReturn(link: Link, listener: () => Promise<void>): () => void {
  const over = new AbortController();
  let forget: () => unknown = () => {};
  const watch = () => {
    forget = link.onceDown(() => {
      link.up(over.signal).then(
        () => {
          watch();
          return listener();
        },
        () => {}, // over
      );
    });
  };
  watch();
  return () => {
    over.abort(new Error("nobody acknowledges any more"));
    forget();
  };
}

/** Every acknowledgement there is, kept true. */
export interface WatchedAcks extends AsyncDisposable {
  current(): readonly Ack[];
  /** Calls after each change; returns what ends it. */
  onChange(listener: () => void): () => void;
}

/** Resolves when all that is there has been read. Throws `StoreFault`. */
export async function watchAcks(link: Link, log: Log): Promise<WatchedAcks> {
  await ensureAcks(link);
  const acks = new Acks();
  const onMessage = (message: TailMessage) => acks.take(message);
  const fleeting = () => ensureAcks(link);
  const tail = new Tail(link, { stream: ACKS_STREAM, filters: [ackSubjects], fleeting, onMessage, log });
  try {
    await tail.start();
    await tail.caughtUp;
  } catch (error) {
    await tail[Symbol.asyncDispose]();
    throw error;
  }
  return {
    current: () => acks.current(),
    onChange: (listener) => acks.onChange(listener),
    [Symbol.asyncDispose]: () => tail[Symbol.asyncDispose](),
  };
}

/** Daemons of a namespace write below its name only: what speaks for pods of another one is not heard, nor is rubbish. */
function ackIn(text: string, subject: string): Ack | undefined {
  try {
    const ack = JSON.parse(text) as Ack | null;
    if (typeof ack?.member !== "string" || !Number.isSafeInteger(ack.revision)) return undefined;
    const isOwn = ack.namespace === undefined || ackSubject(ack) === subject;
    const filters = Array.isArray(ack.filters) ? ack.filters.filter((one) => typeof one === "string") : [];
    return isOwn ? { ...ack, ...(ack.filters === undefined ? {} : { filters }) } : undefined;
  } catch {
    return undefined;
  }
}

class Acks {
  readonly #found = new Map<string, Ack>();
  readonly #listeners = new Set<() => void>();

  take({ subject, data, forged }: TailMessage): void {
    if (forged) return;
    const text = Buffer.from(data).toString("utf8");
    const before = this.#found.get(subject);
    const ack = data.length === 0 ? undefined : ackIn(text, subject);
    if (ack) this.#found.set(subject, ack);
    else this.#found.delete(subject);
    // Most records are renewals that say nothing new.
    if (before === undefined ? ack === undefined : JSON.stringify(before) === text) return;
    for (const listener of [...this.#listeners]) listener();
  }

  current(): readonly Ack[] {
    return [...this.#found.values()].sort((a, b) => (a.member < b.member ? -1 : 1));
  }

  onChange(listener: () => void): () => void {
    const own = () => listener(); // the same function may listen twice
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}
