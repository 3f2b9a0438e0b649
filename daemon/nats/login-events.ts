/**
 * Tells the other pods of failed logins, and hears of theirs, so that guessing is as slow by many pods as by one.
 *
 * Live:    a plain subscription. At the start, and after each lost connection, what was said meanwhile is read from the
 *          stream `LOGINS`, which keeps a day of events in memory, bounded, the oldest leaving first.
 * Once:    an event carries its author and a number that rises; what is heard twice counts once.
 * Fails:   never. While NATS is away each pod counts what it sees itself; what it saw is not told afterwards.
 */
import { nuid, type Subscription } from "@nats-io/transport-node";
import type { Guard, LoginEvent } from "../auth/guard.ts";
import type { Log } from "../kit/log.ts";
import type { Link } from "./connect.ts";
import { managerOf } from "./insist.ts";
import { base, ensure } from "./streams.ts";
import { Tail } from "./tail.ts";

const LOGIN_STREAM = "LOGINS";
const prefix = "logins.";

export interface LoginEventsOptions {
  readonly link: Link;
  /** Daemons that share their counts: a namespace's own; without one, those who serve every namespace. */
  readonly group?: string;
  readonly guard: Pick<Guard, "hear"> & { tell: (event: LoginEvent) => void };
  /** 0: as it is found. */
  readonly replicas: number;
  /** ms since the epoch */
  readonly now: () => number;
  readonly log: Log;
}

const bytes = 16 << 20;
const dayNs = 86_400e9;
const dayMs = 86_400_000;
/** Clocks differ; what is heard twice does no harm. */
const overlapMs = 60_000;
const authors = 1_000;

export async function ensureLogins(link: Link, replicas: number): Promise<void> {
  if (link.confined !== undefined) return; // made by those who serve everybody
  const jsm = await managerOf(link);
  await ensure(jsm, {
    ...base({ replicas }),
    storage: "memory",
    discard: "old",
    max_msgs_per_subject: -1,
    max_age: dayNs,
    max_msg_size: 512,
    name: LOGIN_STREAM,
    subjects: [`${prefix}>`],
    max_bytes: bytes,
  });
}

export class LoginEvents implements AsyncDisposable {
  readonly #options: LoginEventsOptions;
  readonly #subject: string;
  readonly #author = nuid.next();
  #said = 0;
  /** The newest number of each author; whoever was silent for longest leaves first. */
  readonly #heard = new Map<string, number>();
  #subscription: Subscription | undefined;
  #heardAt = 0;
  /** What came while older events were being read; bounded by what the stream holds. */
  #held: Uint8Array[] | undefined;
  readonly #stop = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  #forgetDown = () => {};

  constructor(options: LoginEventsOptions) {
    this.#options = options;
    const { group = "_" } = options;
    this.#subject = `${prefix}${group.replace(/[^A-Za-z0-9_-]/g, "_")}`;
  }

  /** Resolves when what was said before is known, if the store can tell. */
  async start(): Promise<this> {
    const { link, guard } = this.#options;
    guard.tell = (event) => this.#say(event);
    this.#subscription = link.nc.subscribe(this.#subject, {
      callback: (error, { data }) => {
        if (error) return;
        if (this.#held) this.#held.push(data);
        else this.#hear(data);
      },
    });
    this.#heardAt = this.#options.now() - dayMs;
    this.#reading = this.#read();
    await this.#reading;
    this.#watch();
    return this;
  }

  #say(event: LoginEvent): void {
    const { link, log } = this.#options;
    if (!link.isUp()) return; // it would be told late, and in a heap
    try {
      link.nc.publish(this.#subject, JSON.stringify({ ...event, by: this.#author, n: ++this.#said }));
    } catch (error) {
      log.debug({ err: error }, "a login's end could not be told to other pods");
    }
  }

  #hear(data: Uint8Array): void {
    const event = parse(data);
    if (!event || event.by === this.#author) return;
    this.#heardAt = Math.max(this.#heardAt, Math.min(event.at, this.#options.now()));
    const before = this.#heard.get(event.by) ?? 0;
    if (event.n <= before) return;
    this.#heard.delete(event.by);
    this.#heard.set(event.by, event.n);
    const [eldest] = this.#heard.keys();
    if (this.#heard.size > authors && eldest !== undefined) this.#heard.delete(eldest);
    this.#options.guard.hear(event);
  }

  #watch(): void {
    const forget = this.#options.link.onceDown(() => {
      if (!this.#stop.signal.aborted) this.#reading = this.#again();
    });
    this.#forgetDown = () => void forget();
  }

  async #again(): Promise<void> {
    const { signal } = this.#stop;
    await this.#options.link.up(signal).catch(() => {});
    if (signal.aborted) return;
    await this.#read();
    if (!signal.aborted) this.#watch();
  }

  /** Events that were said while nobody listened. Live ones that come meanwhile wait behind them. */
  async #read(): Promise<void> {
    const { link, log, replicas } = this.#options;
    this.#held = [];
    try {
      await ensureLogins(link, replicas);
      await using tail = await new Tail(link, {
        stream: LOGIN_STREAM,
        filters: [this.#subject],
        since: this.#heardAt - overlapMs,
        onMessage: ({ data }) => this.#hear(data),
        log,
      }).start();
      await tail.caughtUp;
    } catch (error) {
      if (!this.#stop.signal.aborted)
        log.warn({ err: error }, "failed logins are counted by each pod alone for now");
    }
    const held = this.#held;
    this.#held = undefined;
    for (const data of held) this.#hear(data);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#options.guard.tell = () => {};
    this.#forgetDown();
    this.#subscription?.unsubscribe();
    await this.#reading;
  }
}

type Said = LoginEvent & { readonly by: string; readonly n: number };

function parse(data: Uint8Array): Said | undefined {
  try {
    const said = JSON.parse(Buffer.from(data).toString()) as Partial<Said>;
    const { kind, account, network, at, by, n } = said;
    const whole =
      (kind === "failed" || kind === "entered") &&
      [account, network, by].every((text) => typeof text === "string") &&
      Number.isFinite(at) &&
      Number.isSafeInteger(n);
    return whole ? (said as Said) : undefined;
  } catch {
    return undefined;
  }
}
