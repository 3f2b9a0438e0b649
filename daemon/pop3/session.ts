/**
 * One POP3 session: moves octets between a socket and the dialogue.
 *
 * In:     chunks as they are pushed, split anywhere; time as `tick`.
 * Out:    replies, one write for all that could be answered without waiting for the client (RFC 2449 §6.6, PIPELINING).
 * Fails:  an error that the dialogue has no answer to ends the connection, and is logged.
 * Ends:   by QUIT, too many mistakes, time-out, loss of the mailbox, `drain`, `abort`, or the client. Only QUIT removes
 *         messages. `onOver` is called once, when the socket is closed and the mailbox is free again.
 * Spec:   RFC 1939 §3 (autologout: nothing is said, nothing removed); RFC 2595 §4.
 */

import type { ClientSocket, TlsFacts } from "../kit/client-socket.ts";
import type { Clock } from "../kit/clock.ts";
import { Gone } from "../kit/output.ts";
import type { Spoken } from "../kit/spoken.ts";
import { Dialogue, type DialogueOptions, type Wire } from "./dialogue.ts";
import { Input } from "./wire/input.ts";
import { Replies } from "./wire/replies.ts";

export interface SessionOptions extends DialogueOptions {
  /** In the greeting. */
  readonly hostname: string;
  readonly clock: Pick<Clock, "monotonic">;
  readonly spoke?: Spoken | undefined;
  readonly onOver: (session: Session) => void;
}

export class Session implements Wire {
  readonly output: Replies;
  readonly #socket: ClientSocket;
  readonly #options: SessionOptions;
  readonly #input: Input;
  readonly #dialogue: Dialogue;
  readonly #abort = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  /** Nothing more is taken from the client. */
  #closing = false;
  #draining = false;
  /** It is the client's turn. */
  #waiting = false;
  #touchedAt = 0;

  constructor(socket: ClientSocket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#input = new Input(socket);
    this.output = new Replies(socket);
    this.#dialogue = new Dialogue(this, options);
    socket.attach({
      data: (octets) => this.#input.push(octets),
      drained: () => this.#drained(),
      ended: () => this.#input.end(),
      closed: () => this.#gone(),
    });
  }

  /** Greets, and serves until the end. */
  start(): void {
    void this.#run();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get startTls(): (() => Promise<TlsFacts>) | undefined {
    const { startTls } = this.#socket;
    if (startTls === undefined) return undefined;
    return () => {
      this.output.flush();
      // RFC 2595 §4: what came behind STLS in plain text may be somebody else's.
      this.#input.clear();
      return startTls();
    };
  }

  readonly channelBinding = (): Buffer | undefined => this.#socket.channelBinding?.();

  /** Lets go of clients that are not busy; those with an open mailbox get a moment to QUIT. */
  drain(): void {
    this.#draining = true;
  }

  abort(): void {
    this.cut();
  }

  cut(): void {
    this.#socket.destroy();
  }

  close(why: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#options.log.debug({ client: this.#options.caller.address, why }, "POP3 connection ends");
    this.#input.end();
  }

  /** Looks at the time: `now` is monotonic. Time that we take ourselves does not count. */
  tick(now: number): void {
    const reads = !this.output.full;
    if (this.#closing || (reads && !this.#waiting)) return;
    if (now - this.#touchedAt < this.#patience()) return;
    this.close("time-out");
    if (!reads) this.cut();
  }

  #patience(): number {
    const { idleMs, drainIdleMs } = this.#options.limits;
    if (!this.#draining) return idleMs;
    return this.#dialogue.at === "authorization" ? 0 : drainIdleMs;
  }

  async #run(): Promise<void> {
    const { hostname, log, caller, onOver } = this.#options;
    this.#touch();
    try {
      this.output.line(`+OK ${hostname} POP3 ready`);
      await this.#serve();
      this.output.flush();
    } catch (error) {
      if (!this.signal.aborted) log.error({ err: error, client: caller.address }, "a POP3 session failed");
      this.cut();
    }
    this.#closing = true;
    this.#socket.end();
    await this.#dialogue.release();
    await this.#closed.promise;
    onOver(this);
  }

  async #serve(): Promise<void> {
    const { loginOctets, commandOctets } = this.#options.limits;
    while (!this.#closing) {
      const line = this.#input.line(this.#dialogue.inExchange ? loginOctets : commandOctets);
      if (line === undefined) await this.#wait();
      else if (line.kind === "ended") return;
      else {
        this.#touch();
        await this.#dialogue.line(line);
        this.#tell();
        if (this.output.full) await this.output.room();
      }
    }
  }

  #tell(): void {
    const { spoke, clock } = this.#options;
    const { verb } = this.#dialogue;
    const refused = this.output.refused ? "refused" : "done";
    spoke?.(verb ?? "unknown", verb === undefined ? "wrong" : refused, clock.monotonic() - this.#touchedAt);
  }

  async #wait(): Promise<void> {
    this.output.flush();
    if (this.output.full) await this.output.room();
    this.#waiting = true;
    await this.#input.more();
    this.#waiting = false;
  }

  #touch(): void {
    this.#touchedAt = this.#options.clock.monotonic();
  }

  #drained(): void {
    this.#touch();
    this.output.drained();
  }

  #gone(): void {
    this.#closing = true;
    this.#abort.abort(new Gone());
    this.output.close();
    this.#input.end();
    this.#closed.resolve();
  }
}
