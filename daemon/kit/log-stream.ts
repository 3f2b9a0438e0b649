/**
 * Where log lines go: gathered for a moment, written without blocking, never waited for for long.
 *
 * In:     whole lines; a file descriptor that is open for as long as the process lives.
 * Out:    the lines in their order. Mail does not wait for whoever reads the log: what he leaves unread is kept up to
 *         `LogLimits.most`, then new lines are left out, and the next that is written says how many.
 * Ends:   `finish` gives what is left a short while to leave, and so does the process's end, whatever ends it.
 * Fails:  never. A log that cannot be written any more (its reader has gone, its disk is full) is no reason to stop.
 *
 * (pino's own stream tries for ever to write its last lines to a reader that is not there: a process that should end, hung.)
 */
import { write, writeSync } from "node:fs";

export interface LogLimits {
  /** Lines leave when so many octets wait, or when this time is over. A write takes a thread: fifty lines are worth one. */
  readonly gathered: number;
  readonly everyMs: number;
  /** Octets that wait at most. */
  readonly most: number;
  /** How long the end may take. */
  readonly endMs: number;
}

export const defaultLogLimits: LogLimits = { gathered: 32 << 10, everyMs: 500, most: 4 << 20, endMs: 2_000 };

/** A reader that is behind is given so long before the next try. */
const PAUSE_MS = 50;

export class LogStream {
  readonly #fd: number;
  readonly #limits: LogLimits;
  readonly #timer: NodeJS.Timeout;
  #text = "";
  /** What is on its way out of `#text`; empty when nothing is. */
  #leaving: Buffer = Buffer.alloc(0);
  /** A thread is at `#leaving`. */
  #writing = false;
  #lost = 0;
  #gone = false;
  #idle: (() => void)[] = [];

  constructor(fd: number, limits: LogLimits = defaultLogLimits) {
    this.#fd = fd;
    this.#limits = limits;
    this.#timer = setInterval(() => this.#leave(), limits.everyMs).unref();
    process.on("exit", this.#lastWords);
  }

  write(line: string): void {
    if (this.#gone) return;
    if (this.#text.length + line.length > this.#limits.most) {
      this.#lost++;
      return;
    }
    this.#text += line;
    if (this.#text.length >= this.#limits.gathered) this.#leave();
  }

  /** Resolves when all has left. What has not left in time never will. */
  async finish(): Promise<void> {
    this.#leave();
    if (this.#isEmpty()) return;
    const patience = setTimeout(() => this.#give(), this.#limits.endMs);
    await new Promise<void>((resolve) => this.#idle.push(resolve));
    clearTimeout(patience);
  }

  #isEmpty(): boolean {
    return this.#leaving.length === 0 && this.#text === "";
  }

  #leave(): void {
    if (this.#gone || this.#leaving.length > 0 || this.#text === "") return;
    this.#leaving = this.#taken();
    this.#push();
  }

  #taken(): Buffer {
    const told =
      this.#lost === 0 ? "" : `${JSON.stringify({ level: "warn", lost: this.#lost, msg: LOST })}\n`;
    const octets = Buffer.from(told + this.#text);
    this.#lost = 0;
    this.#text = "";
    return octets;
  }

  #push(): void {
    if (this.#gone) return;
    this.#writing = true;
    write(this.#fd, this.#leaving, (error, written) => {
      this.#writing = false;
      if (this.#gone) return;
      if (error && !isBehind(error)) return this.#give();
      this.#leaving = this.#leaving.subarray(error ? 0 : written);
      if (error) setTimeout(() => this.#push(), PAUSE_MS).unref();
      else if (this.#leaving.length > 0) this.#push();
      else if (this.#text.length >= this.#limits.gathered || this.#idle.length > 0) this.#leave();
      if (this.#isEmpty()) this.#wake();
    });
  }

  #give(): void {
    this.#gone = true;
    this.#leaving = Buffer.alloc(0);
    this.#text = "";
    process.off("exit", this.#lastWords);
    clearInterval(this.#timer);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#idle.splice(0)) wake();
  }

  /** No callback comes any more: what a thread is writing is left to it, the rest follows. */
  readonly #lastWords = (): void => {
    let left = this.#writing ? this.#taken() : Buffer.concat([this.#leaving, this.#taken()]);
    const until = performance.now() + this.#limits.endMs;
    while (left.length > 0 && performance.now() < until) {
      try {
        left = left.subarray(writeSync(this.#fd, left));
      } catch (error) {
        if (!isBehind(error)) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
      }
    }
  };
}

const LOST = "lines of the log were left out: nobody read it";

/** The reader has not made room yet. */
const isBehind = (error: unknown): boolean =>
  ["EAGAIN", "EBUSY", "EINTR"].includes(String((error as NodeJS.ErrnoException).code));
