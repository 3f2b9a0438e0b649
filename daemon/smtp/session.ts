/**
 * One SMTP session: moves octets between a socket and the dialogue.
 *
 * In:     chunks as they are pushed, split anywhere; time as `tick`.
 * Out:    replies, coalesced: one write for all that could be answered without waiting for the client (RFC 2920 §3.2).
 *         Where the mailroom answers at once, no promise is made and no turn of the event loop is lost.
 * Fails:  what the mailroom throws is answered 451 4.3.0 (or by the reply that the error carries) and logged.
 * Ends:   by QUIT, 421, time-out, `drain` between two transactions, `abort`, or the client. The mailroom's session
 *         hears `close` exactly once, and nothing after it; it is never called while an earlier call is unanswered.
 * Spec:   RFC 5321 §3.1, §3.8, §4.5.3.2; RFC 2920; RFC 3207 §4.2.
 */

import type { ClientSocket, TlsFacts } from "../kit/client-socket.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Reply } from "../mail/reply.ts";
import { ClientFacts } from "./client-facts.ts";
import { type SmtpEvents, type Wire, whenKnown } from "./desk.ts";
import { Dialogue } from "./dialogue.ts";
import { Feed } from "./feed.ts";
import { Input } from "./input.ts";
import type { SmtpLimits } from "./limits.ts";
import type { Caller, Later, Mailroom, MailroomSession, Welcome } from "./mailroom.ts";
import { bare, encodeReply, replies, replyOf } from "./replies.ts";
import { SessionDesk } from "./session-desk.ts";

export interface SessionOptions {
  readonly mailroom: Mailroom;
  readonly hostname: string;
  readonly caller: Caller;
  /** In force from the first octet. */
  readonly tls: TlsFacts | undefined;
  /** AUTH may be used in plain text: the client is on loopback and the listener allows it. */
  readonly trustPlain: boolean;
  readonly limits: SmtpLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: SmtpEvents;
  /** The socket is closed and the mailroom has heard of it. Called once. */
  readonly onOver: (session: Session) => void;
}

export class Session implements Wire {
  readonly #socket: ClientSocket;
  readonly #options: SessionOptions;
  readonly #facts: ClientFacts;
  readonly #input: Input;
  readonly #feed: Feed;
  readonly #abort = new AbortController();
  /** Both from the welcome on. */
  #dialogue: Dialogue | undefined;
  #room: MailroomSession | undefined;
  #out = "";
  /** An answer of the mailroom (or TLS) is awaited. */
  #busy = true;
  /** The client does not read its replies: nothing more is done for it. */
  #blocked = false;
  /** No more input is taken. */
  #closing = false;
  #inputEnded = false;
  #draining = false;
  #socketClosed = false;
  #over = false;
  #deadline = 0;
  #windowOctets = 0;

  constructor(socket: ClientSocket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#facts = new ClientFacts(options.caller, options.tls, options.trustPlain, () =>
      socket.channelBinding?.(),
    );
    this.#input = new Input(socket);
    this.#feed = new Feed(this.#input, options.limits);
    socket.attach({
      data: (octets) => this.#data(octets),
      drained: () => this.#drained(),
      ended: () => this.#ended(),
      closed: () => this.#closed(),
    });
  }

  /** Asks the mailroom, then greets. */
  start(): void {
    const { mailroom, caller } = this.#options;
    this.#touch();
    try {
      const opening = whenKnown(mailroom.open(caller, this.#abort.signal), (welcome) =>
        this.#welcome(welcome),
      );
      if (opening instanceof Promise) this.#await(opening);
      else this.#release();
    } catch (error) {
      this.#release(error);
    }
  }

  /** Ends the session as soon as no transaction is open. */
  drain(): void {
    this.#draining = true;
    if (!this.#busy) this.#run();
  }

  abort(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  /** Looks at the time: `now` is monotonic. Time that we take ourselves does not count. */
  tick(now: number): void {
    if (now < this.#deadline || this.#busy || this.#closing) return;
    const { limits } = this.#options;
    if (this.#feed.inMessage && !this.#blocked && this.#windowOctets >= limits.dataWindowOctets)
      return this.#touch();
    this.#say(replies.timeout);
    this.#flush();
  }

  put(text: string): void {
    this.#out += text;
  }

  expectMessage(): void {
    this.#feed.mode = "message";
  }

  expectChunk(octets: number): void {
    this.#feed.expectChunk(octets);
  }

  expectLogin(on: boolean): void {
    this.#feed.mode = on ? "login" : "lines";
  }

  get startTls(): (() => Promise<TlsFacts>) | undefined {
    const { startTls } = this.#socket;
    if (startTls === undefined) return undefined;
    return () => {
      // RFC 3207 §4.2: nothing that was sent in the clear after STARTTLS may be taken for something sent under TLS.
      this.#input.clear();
      this.#send();
      return startTls();
    };
  }

  close(why: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#options.log.debug({ client: this.#options.caller.address, why }, "session ends");
  }

  #welcome(welcome: Welcome): Later<void> {
    const { hostname, clock, limits, log, events, caller } = this.#options;
    if (welcome.kind === "refused") {
      this.#say(welcome.reply);
      return this.close("refused");
    }
    this.#room = welcome.session;
    const desk = new SessionDesk(this, {
      room: welcome.session,
      facts: this.#facts,
      signal: this.#abort.signal,
      listener: caller.listener,
      limits,
      log,
      clock,
      events,
    });
    this.#dialogue = new Dialogue(desk, this.#facts, hostname);
    if (welcome.pregreetMs <= 0) return this.#greet();
    return clock.sleep(welcome.pregreetMs, this.#abort.signal).then(() => {
      // RFC 5321 §3.1: the client waits for the greeting. Those who cannot wait are machines of ill repute.
      if (this.#input.chunk === undefined) return this.#greet();
      void welcome.session.fault?.("early", this.#abort.signal);
      this.#say(replies.spokeFirst);
      this.close("spoke first");
    });
  }

  #greet(): void {
    if (this.#draining) return;
    this.#say(bare(220, `${this.#options.hostname} ESMTP Postfleet`));
  }

  #data(octets: Buffer): void {
    if (this.#closing) return;
    this.#windowOctets += octets.length;
    this.#input.push(octets);
    if (!this.#busy) this.#run();
  }

  #drained(): void {
    this.#blocked = false;
    if (!this.#busy) this.#run();
  }

  #ended(): void {
    this.#inputEnded = true;
    if (!this.#busy) this.#run();
  }

  #closed(): void {
    this.#socketClosed = true;
    this.#closing = true;
    // A message that the mailroom is making durable is not called back: its fate no longer hangs on the client.
    if (!this.#dialogue?.transaction.isEnding) this.#abort.abort(new Error("the connection is closed"));
    if (!this.#busy) this.#finish();
  }

  /** Does all that can be done without waiting, then sends what there is to say. */
  #run(): void {
    const units = this.#feed.units;
    while (!this.#busy && !this.#blocked && !this.#closing) {
      if (this.#draining && !this.#dialogue?.transaction.isOpen) this.#say(replies.shuttingDown);
      else if (this.#feed.ready) this.#step();
      else break;
    }
    if (this.#feed.units !== units) this.#touch();
    if (!this.#busy) this.#flush();
  }

  #step(): void {
    if (this.#dialogue === undefined) return;
    try {
      const later = this.#feed.step(this.#dialogue);
      if (later instanceof Promise) this.#await(later);
    } catch (error) {
      this.#say(this.#failed(error));
    }
  }

  #await(later: Promise<void>): void {
    this.#busy = true;
    later.then(
      () => this.#release(),
      (error: unknown) => this.#release(error),
    );
  }

  #release(error?: unknown): void {
    this.#busy = false;
    if (this.#socketClosed) return this.#finish();
    if (error !== undefined) this.#say(this.#failed(error));
    this.#touch();
    this.#run();
  }

  /** Without a dialogue there is no session to go on with. RFC 5321 §3.1: a greeting is 220, 421 or 5yz. */
  #failed(error: unknown): Reply {
    const { reply, expected } = replyOf(error);
    if (!expected)
      this.#options.log.error({ err: error, client: this.#options.caller.address }, "the mailroom failed");
    return this.#dialogue === undefined ? { ...reply, code: 421 } : reply;
  }

  #say(reply: Reply): void {
    this.put(encodeReply(reply));
    this.#options.events.replied?.(this.#options.caller.listener, reply.code);
    if (reply.code === 421) this.close(reply.text);
  }

  #send(): void {
    if (this.#out === "" || this.#socketClosed) return;
    const out = this.#out;
    this.#out = "";
    if (!this.#socket.write(out)) this.#blocked = true;
  }

  #flush(): void {
    this.#send();
    if (this.#inputEnded && !this.#blocked) this.close("the client hung up");
    if (!this.#closing) return;
    this.#socket.end();
    this.#finish();
  }

  /** Starts the time for the next command, or for the next part of a message. */
  #touch(): void {
    const { limits, clock } = this.#options;
    const span = this.#feed.inMessage ? limits.dataWindowMs : limits.commandMs;
    this.#deadline = clock.monotonic() + span;
    this.#windowOctets = 0;
  }

  #finish(): void {
    if (this.#room !== undefined) {
      this.#dialogue?.transaction.abandon();
      const room = this.#room;
      this.#room = undefined;
      room.close();
    }
    this.#abort.abort(new Error("the session is over"));
    this.#input.clear();
    if (!this.#socketClosed || this.#over) return;
    this.#over = true;
    this.#options.onOver(this);
  }
}
