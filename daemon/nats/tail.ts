/**
 * Follows subjects of a stream: first the last message of each subject, then every change, in order and without gaps.
 *
 * An ephemeral push consumer without acknowledgements, with idle heartbeats and flow control. A gap in the consumer
 * sequence, silence for two heartbeats, or a reconnect makes a new consumer that goes on behind the last message
 * handled; so the reader hears every subject's latest state, and nothing twice.
 *
 * A stream that was brought back from a copy is noticed when it is followed anew, or by `doubt()` (`history.ts`).
 *
 * In:     stream, subject filters, `onMessage` (synchronous bookkeeping).
 * Out:    `caughtUp` resolves when everything that existed at the start was handled, as far as the server that we read
 *         from knew it: of several copies of a stream one may lag behind.
 * Fails:  never after the start; a server that is away is waited for. One that is silent for long, or busy, is left for another of its
 *         cluster (`elsewhere.ts`). A refusal (no permission, no such stream) would be the same anywhere: it is told once, and asked for
 *         anew with growing pauses. `caughtUp` rejects when it is closed before, and when the connection was closed for good,
 *         as those of commands are that are lost.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Msg, nuid, type Subscription } from "@nats-io/transport-node";
import type { Log } from "../kit/log.ts";
import { deliveredOf } from "./ack-subject.ts";
import type { Link } from "./connect.ts";
import { isRefusal, StoreFault } from "./fault.ts";
import { historyOf } from "./history.ts";
import { beginningOf, HEARTBEAT_MS, makePushConsumer } from "./push-consumer.ts";
import { type RawHeaders, rawHeaders } from "./raw-headers.ts";
import { Trials } from "./trials.ts";

export interface TailMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  /** When it was stored; ms since the epoch. */
  readonly time: number;
  /** How many more wait behind it. */
  readonly pending: number;
  /**
   * It came by way of the server's answer to somebody's question: an answer goes wherever the question says, also where the
   * one who asked may not write. Nothing of ours is stored in that way.
   */
  readonly forged: boolean;
  /** The server put it there because the subject's last message expired or was removed. */
  readonly marker: boolean;
  /** The first value of a header, its name written exactly so. */
  readonly header: (name: string) => string | undefined;
}

export interface TailOptions {
  readonly stream: string;
  readonly filters: readonly string[];
  /** Every message stored since then, instead of the last one of each subject; ms since the epoch. */
  readonly since?: number;
  /** Every message behind this sequence, instead of the last one of each subject. */
  readonly after?: number;
  /** When that one was stored, or later, but not before it was heard of; ms since the epoch. */
  readonly heardAt?: number;
  /** For those who count: `data` is empty, and the header `Nats-Msg-Size` says how many octets it has. */
  readonly headsOnly?: boolean;
  /**
   * The stream may go with its server, which keeps it in memory, and begin again: it is made when it is missing, and read
   * from its beginning whenever it is followed anew.
   */
  readonly fleeting?: () => Promise<void>;
  /**
   * Asked for by those who keep what they hear: the stream was brought back from a copy, and what was told after the copy
   * is not so. Then everything comes anew, as at the start; with `after`, what is stored from now on; with `goesBack`,
   * what was not told of the stream as it is now, from `next` on.
   */
  readonly onAnother?: (next: number) => void;
  readonly goesBack?: boolean;
  readonly onMessage: (message: TailMessage) => void;
  readonly log: Log;
}

/** So often is looked whether a connection that is down is closed for good. */
const UP_MS = 2_000;

export class Tail implements AsyncDisposable {
  readonly #link: Link;
  readonly #options: TailOptions;
  readonly #caughtUp = Promise.withResolvers<void>();
  #subscription: Subscription | undefined;
  #consumer = "";
  #lastSequence = 0;
  /** When that was stored; 0: not known. */
  #lastTime = 0;
  #expected = 1;
  #heardAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #restarting: Promise<void> | undefined;
  #forgetDown = () => {};
  #isUnheard = false;
  /** Ends a pause: it is closed. */
  readonly #over = new AbortController();

  constructor(link: Link, options: TailOptions) {
    this.#link = link;
    this.#options = options;
    this.#lastSequence = options.after ?? 0;
    this.#lastTime = options.heardAt ?? 0;
    this.#caughtUp.promise.catch(() => {});
  }

  /** Resolves when the consumer exists; throws `StoreFault`. */
  async start(): Promise<this> {
    await this.#create();
    this.#timer = setInterval(() => this.#checkSilence(), HEARTBEAT_MS);
    return this;
  }

  /** Like `start`, but a server that is away is waited for. */
  async begin(): Promise<void> {
    await this.#restart("first");
    if (!this.#closed) this.#timer = setInterval(() => this.#checkSilence(), HEARTBEAT_MS);
  }

  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  async #create(): Promise<void> {
    const { nc } = this.#link;
    const inbox = this.#link.inbox();
    const name = nuid.next();
    this.#expected = 1;
    this.#consumer = name;
    this.#subscription?.unsubscribe();
    this.#subscription = nc.subscribe(inbox, {
      callback: (error, msg) => {
        if (!error) this.#take(msg, name);
        else this.#unheard(error);
      },
    });
    const { stream, filters, headsOnly, since, fleeting } = this.#options;
    const { pending, sent } = await makePushConsumer(nc, {
      name,
      inbox,
      stream,
      filters,
      headsOnly,
      beginning: beginningOf(fleeting ? 0 : this.#lastSequence, since),
    });
    this.#heardAt = performance.now();
    this.#forgetDown();
    const forget = this.#link.onceDown(() => void this.#restart("a lost connection"));
    this.#forgetDown = () => void forget();
    if (pending === 0 && sent === 0 && this.#expected === 1) this.#caughtUp.resolve();
  }

  /** The server does not let us listen: told once, since whoever is not heard of is followed anew again and again. */
  #unheard(error: Error): void {
    if (this.#isUnheard) return;
    this.#isUnheard = true;
    const { log, stream } = this.#options;
    log.error({ err: error, stream }, "a stream is followed, and what it tells may not be listened to");
  }

  #take(msg: Msg, consumer: string): void {
    if (consumer !== this.#consumer || this.#closed) return;
    this.#heardAt = performance.now();
    const head = rawHeaders(msg);
    if (head.status === 100) this.#status(msg, head);
    const delivered = deliveredOf(msg.reply);
    if (delivered === undefined) return;
    const { sequence, nth, time, pending } = delivered;
    if (nth !== this.#expected) return void this.#restart("a gap");
    this.#expected++;
    this.#lastSequence = sequence;
    this.#lastTime = time;
    const marker = msg.data.length === 0 && head.get("Nats-Marker-Reason") !== undefined;
    const forged = head.get("Nats-Subject") !== undefined;
    try {
      const { subject, data } = msg;
      const header = head.get;
      this.#options.onMessage({ subject, sequence, time, data, pending, marker, forged, header });
    } catch (error) {
      this.#options.log.error({ err: error, subject: msg.subject }, "a record could not be handled");
    }
    if (pending === 0) this.#caughtUp.resolve();
  }

  #status(msg: Msg, head: RawHeaders): void {
    if (msg.reply) return void msg.respond(); // flow control
    const stalled = head.get("Nats-Consumer-Stalled");
    if (stalled) this.#link.nc.publish(stalled);
    const last = Number(head.get("Nats-Last-Consumer") || this.#expected - 1);
    if (last !== this.#expected - 1) void this.#restart("a gap before a heartbeat");
    // The server is idle: whatever it had to tell has come. What was to come last may have been removed before it came.
    else if (!stalled) this.#caughtUp.resolve();
  }

  #checkSilence(): void {
    if (performance.now() - this.#heardAt > 2.5 * HEARTBEAT_MS && this.#link.isUp())
      void this.#restart("silence");
  }

  #restart(why: string): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#restarting ??= this.#anew(why).finally(() => {
      this.#restarting = undefined;
    });
    return this.#restarting;
  }

  async #anew(why: string): Promise<void> {
    this.#options.log.debug({ stream: this.#options.stream, why }, "following the stream anew");
    this.#consumer = "";
    const trials = new Trials();
    while (!this.#closed) {
      if (this.#link.nc.isClosed())
        return this.#caughtUp.reject(new StoreFault("away", "the connection to NATS was lost"));
      try {
        await this.#link.up(AbortSignal.timeout(UP_MS));
        await this.#options.fleeting?.();
        await this.#recognize();
        if (this.#closed) return;
        await this.#create();
        if (this.#closed) return this.#leave();
        if (trials.wereRefused)
          this.#options.log.info({ stream: this.#options.stream }, "a stream is followed again");
        return;
      } catch (error) {
        if (this.#closed) return this.#leave();
        await this.#failed(error, trials);
      }
    }
  }

  /** It could not be followed: resolves when it may be tried again. */
  async #failed(error: unknown, trials: Trials): Promise<void> {
    const { log, stream } = this.#options;
    if (this.#link.isUp() && isRefusal(error)) {
      if (!trials.wereRefused)
        log.error(
          { err: error, stream },
          "following a stream is refused: it is asked for again, ever less often",
        );
      return this.#pause(trials.refused());
    }
    log.debug({ err: error, stream }, "the stream cannot be followed yet");
    const { pauseMs, shouldLeave } = trials.unanswered(this.#link.isUp(), performance.now());
    if (shouldLeave) this.#link.leave(`${stream} cannot be followed`);
    await this.#pause(pauseMs);
  }

  /** Until the time is over, it is closed, or the connection is lost: another server may know better. */
  async #pause(ms: number): Promise<void> {
    const lost = new AbortController();
    const forget = this.#link.onceDown(() => lost.abort());
    const signal = AbortSignal.any([this.#over.signal, lost.signal]);
    await delay(ms, undefined, { signal }).catch(() => {});
    forget();
  }

  /** Somebody has seen less than we have told: resolves when it is known whether it still is the stream that it was. */
  doubt(): Promise<void> {
    return this.#restart("doubt");
  }

  /** Before it is followed anew. */
  async #recognize(): Promise<void> {
    const { onAnother, after, goesBack, stream, filters, log } = this.#options;
    const [filter = ">"] = filters;
    if (!onAnother || this.#lastSequence === 0) return;
    const heard = { sequence: this.#lastSequence, time: this.#lastTime };
    const history = await historyOf({ link: this.#link, stream, filter }, heard);
    if (history.kind === "goes on") return;
    log.warn({ stream }, "the stream was brought back from a copy: what was known of it is forgotten");
    const { last, next } = history;
    if (goesBack) this.#lastSequence = next - 1;
    else {
      this.#lastSequence = after === undefined ? 0 : last;
      this.#lastTime = 0;
    }
    onAnother(next);
  }

  /** Without a listener the consumer ends by itself. */
  #leave(): void {
    this.#forgetDown();
    this.#subscription?.unsubscribe();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#over.abort();
    clearInterval(this.#timer);
    this.#caughtUp.reject(new StoreFault("away", "closed before everything was read"));
    this.#leave();
    // Who may not delete it lets it end: without a listener it does so within a minute.
    if (!this.#link.isUp() || this.#consumer === "" || this.#link.confined !== undefined) return;
    const api = `$JS.API.CONSUMER.DELETE.${this.#options.stream}.${this.#consumer}`;
    await this.#link.nc.request(api, "", { timeout: 1_000 }).catch(() => {});
  }
}
