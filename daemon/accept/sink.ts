/**
 * One message on its way from DATA to the queue.
 *
 * Octets go through to the body writer as they come, behind the trace header; only the header section of a submitted
 * message is held back until it is known which fields must be put in front of it, and of others the beginning of a line.
 * A section that ends without an empty line is given one, so that it ends there for every reader. A refusal on the way
 * (too large, a loop, the store refuses) is remembered: what still comes is read past, and the client hears it after the
 * dot.
 *
 * In:     the message's octets; places in memory, the transaction's recipients.
 * Out:    `250 2.0.0 queued as <id>` once all jobs and the body are durable.
 * Fails:  a `QueueError` is spoken as its reply; no answer of the store within the limit, and any other fault, is
 *         451 4.3.0. A store that answers after that may still deliver: a duplicate when the client tries again, which
 *         RFC 1047 prefers to a loss.
 * Spec:   RFC 5321 §4.1.1.4, §4.4 (trace), §6.3 (loops); RFC 6409 §8 (fields added at submission).
 */
import type { Deadlines } from "../kit/deadlines.ts";
import { Gathering } from "../kit/gathering.ts";
import type { Log } from "../kit/log.ts";
import type { HeaderFacts } from "../mail/headers.ts";
import type { Reply } from "../mail/reply.ts";
import { type BodyWriter, type FinishedBody, type NewJob, type Queue, QueueError } from "../queue/queue.ts";
import type { MessageSink } from "../smtp/mailroom.ts";
import type { Place } from "./arrivals.ts";
import type { Draft, Findings, Whole } from "./handed.ts";
import type { Judgement } from "./inspection.ts";
import { replies } from "./replies.ts";

const nothing = new Uint8Array();
const lineEnd = Buffer.from("\r\n");

interface Gathered {
  readonly body: FinishedBody;
  readonly judgement: Judgement | undefined;
}

export interface SinkParts {
  readonly queue: Pick<Queue, "openBody" | "readBack" | "accept">;
  readonly commits: Deadlines;
  readonly largeOctets: number;
  readonly log: Log;
}

export class Sink implements MessageSink {
  readonly #parts: SinkParts;
  readonly #draft: Draft;
  readonly #place: Place;
  readonly #body: BodyWriter;
  #at: "header" | "body" | "over" = "header";
  #started = false;
  #refusal: Reply | undefined;
  #size = 0;
  #held = new Gathering();
  /** Writes that wait for the store, or for a large place; later ones queue up behind. */
  #pending: Promise<void> | undefined;

  constructor(parts: SinkParts, draft: Draft, place: Place, signal: AbortSignal) {
    this.#parts = parts;
    this.#draft = draft;
    this.#place = place;
    this.#body = parts.queue.openBody(draft.id, signal);
  }

  write(octets: Uint8Array): void | Promise<void> {
    this.#size += octets.length;
    if (this.#refusal) return;
    if (this.#size > this.#draft.limit) return this.#refuse(replies.tooLarge(this.#draft.limit));
    if (this.#at === "header") return this.#header(octets);
    return this.#look(octets);
  }

  end(): Promise<Reply> {
    if (this.#at === "header" && !this.#refusal) this.#headerOver(nothing);
    this.#at = "over";
    return this.#refusal ? Promise.resolve(this.#refusal) : this.#commit();
  }

  abort(): void {
    if (this.#at === "over") return;
    this.#at = "over";
    this.#refuse(replies.notStored);
  }

  #header(octets: Uint8Array): void | Promise<void> {
    if (this.#draft.scan.write(octets)) return this.#headerOver(octets);
    // A copy: these octets are the engine's again when this call returns. The scanner's limit bounds them.
    if (this.#draft.holdHeader) this.#held.add(octets);
    else return this.#lines(octets);
  }

  /** What is the header's goes on; the beginning of a line may turn out to be no field, and waits. */
  #lines(octets: Uint8Array): void | Promise<void> {
    this.#begin(undefined);
    // Below 0 where what was held back waits on.
    const end = octets.length - (this.#size - this.#draft.scan.sure);
    if (end <= 0) return this.#held.add(octets);
    const wait = this.#pass(this.#withHeld(octets.subarray(0, end)));
    this.#held.add(octets.subarray(end));
    return wait;
  }

  /** The section is over: what is left of it is there, with what came behind it. */
  #headerOver(octets: Uint8Array): void | Promise<void> {
    this.#at = "body";
    const header = this.#draft.scan.end();
    const refusal = this.#draft.judge(header);
    if (refusal) return this.#refuse(refusal);
    const rest = this.#withHeld(octets);
    if (!this.#draft.section && !header.emptyLineMissing) {
      this.#begin(header);
      return this.#pass(rest);
    }
    const gone = this.#size - rest.length;
    const bodyAt = (header.bodyOffset ?? this.#size) - gone;
    const section = this.#draft.section?.(rest.subarray(0, bodyAt)) ?? rest.subarray(0, bodyAt);
    if ("code" in section) return this.#refuse(section);
    this.#begin(header);
    this.#pass(section);
    // Whoever leaves out the empty line would have others read on in the header, beyond what was examined or signed.
    if (header.emptyLineMissing) this.#pass(lineEnd);
    return this.#look(rest.subarray(bodyAt));
  }

  /** Octets behind those that were held back. A copy where somebody looks at the section, who may keep it. */
  #withHeld(octets: Uint8Array): Buffer {
    if (this.#held.size === 0 && !this.#draft.section)
      return Buffer.from(octets.buffer, octets.byteOffset, octets.length);
    this.#held.add(octets);
    return this.#held.takeAll();
  }

  /** On to the store, and past whoever examines it. */
  #look(octets: Uint8Array): void | Promise<void> {
    const stored = this.#pass(octets);
    const seen = this.#draft.inspection?.write(octets);
    return stored && seen ? Promise.all([stored, seen]).then(() => {}) : (stored ?? seen);
  }

  /** What goes in front. */
  #begin(header: HeaderFacts | undefined): void {
    if (this.#started) return;
    this.#started = true;
    this.#pass(this.#draft.prelude(header));
  }

  #pass(octets: Uint8Array): void | Promise<void> {
    if (octets.length === 0) return this.#pending;
    const wait = this.#pending ? this.#pending.then(() => this.#admit(octets)) : this.#admit(octets);
    if (!wait) return;
    const pending = wait.then(() => {
      if (this.#pending === pending) this.#pending = undefined;
    });
    this.#pending = pending;
    return pending;
  }

  #admit(octets: Uint8Array): void | Promise<void> {
    if (this.#size <= this.#parts.largeOctets || this.#refusal) return this.#put(octets);
    const room = this.#place.grow();
    if (room === true) return this.#put(octets);
    return room.then((came) => (came ? this.#put(octets) : this.#refuse(replies.crowded)));
  }

  /** Never throws, never rejects. */
  #put(octets: Uint8Array): void | Promise<void> {
    if (this.#refusal) return;
    try {
      const wait = this.#body.write(octets);
      if (wait) return wait.catch((error) => this.#refuse(this.#spoken(error)));
    } catch (error) {
      this.#refuse(this.#spoken(error));
    }
  }

  #refuse(refusal: Reply): void {
    if (this.#refusal) return;
    this.#refusal = refusal;
    this.#held.takeAll();
    this.#draft.inspection?.abort();
    this.#body.abandon();
    this.#place.leave();
  }

  /** Filters have limits of their own, so the store's do not run while they look. */
  async #commit(): Promise<Reply> {
    const { screen } = this.#draft;
    if (screen === undefined)
      return this.#inTime(async (signal) => {
        const gathered = await this.#gather(signal);
        return "code" in gathered ? gathered : this.#accept(gathered, {}, signal);
      });
    const gathered = await this.#inTime((signal) => this.#gather(signal));
    if ("code" in gathered) return gathered;
    const screened = await screen(this.#wholeOf(gathered));
    if (screened.kind === "refuse") {
      this.#refuse(screened.reply);
      return screened.reply;
    }
    return this.#inTime((signal) => this.#accept(gathered, { screened }, signal));
  }

  #wholeOf({ body, judgement }: Gathered): Whole {
    const octets = (signal: AbortSignal) => this.#parts.queue.readBack(this.#draft.id, body, signal);
    return { body: body.kind === "inline" ? body.octets.length : body.size, octets, judgement };
  }

  /** An answer comes in time, whatever the store does. A reply ends the message. */
  #inTime<T>(work: (signal: AbortSignal) => Promise<T | Reply>): Promise<T | Reply> {
    const { promise, resolve } = Promise.withResolvers<T | Reply>();
    const stop = new AbortController();
    const entry = this.#parts.commits.enter(() => {
      this.#parts.log.warn(
        { message: this.#draft.id },
        "the store did not answer in time, the client tries again",
      );
      stop.abort();
      resolve(replies.notStored);
    });
    const close = (answer: T | Reply) => {
      this.#parts.commits.leave(entry);
      if (typeof answer === "object" && answer !== null && "code" in answer) this.#place.leave();
      resolve(answer);
    };
    work(stop.signal).then(close, (error) =>
      close(stop.signal.aborted ? replies.notStored : this.#spoken(error)),
    );
    return promise;
  }

  /** All of it is in the store, and nothing about its origin speaks against it. */
  async #gather(signal: AbortSignal): Promise<Gathered | Reply> {
    if (this.#pending) await this.#pending;
    if (this.#refusal) return this.#refusal;
    const judgement = await this.#draft.inspection?.end();
    if (judgement?.kind === "refuse") {
      this.#refuse(judgement.reply);
      return judgement.reply;
    }
    return { body: await this.#finish(signal), judgement };
  }

  async #accept({ body, judgement }: Gathered, findings: Findings, signal: AbortSignal): Promise<Reply> {
    const jobs = this.#draft.jobs({ judgement, ...findings });
    // From here on the body is not ours to abandon: a store that fails to answer may have the jobs all the same.
    await this.#parts.queue.accept({ jobs, body }, signal);
    await this.#tell(jobs, judgement);
    return replies.queued(this.#draft.id);
  }

  /** Whoever counts may fail; the message is durable all the same. */
  async #tell(jobs: readonly NewJob[], judgement: Judgement | undefined): Promise<void> {
    try {
      if (judgement?.kind === "take") judgement.count();
      await this.#draft.accepted(this.#size, jobs);
    } catch (error) {
      this.#parts.log.error(
        { message: this.#draft.id, err: error },
        "an accepted message could not be reported",
      );
    }
  }

  async #finish(signal: AbortSignal): Promise<FinishedBody> {
    try {
      const body = await this.#body.finish();
      signal.throwIfAborted();
      return body;
    } catch (error) {
      this.#body.abandon();
      throw error;
    }
  }

  #spoken(error: unknown): Reply {
    if (error instanceof QueueError) {
      const { code, enhanced } = error.reply;
      const why = error.cause instanceof Error ? error.cause.message : error.message;
      this.#parts.log.warn(
        { message: this.#draft.id, code, enhanced, why },
        "the queue did not take a message",
      );
      return error.reply;
    }
    this.#parts.log.error({ message: this.#draft.id, err: error }, "a message could not be stored");
    return replies.notStored;
  }
}
