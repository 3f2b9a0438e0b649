/**
 * Trouble that may last, of something that is tried again and again: told once when it begins, and once when it is over. In
 * between only at debug, so that hours of it are neither a flood nor a secret.
 *
 * In:     what came of each try.
 */
import type { Fields, Log } from "./log.ts";

export class Trouble {
  readonly #log: Log;
  readonly #sentence: string;
  readonly #over: string;
  #lasts = false;

  constructor(log: Log, sentence: string, over: string) {
    this.#log = log;
    this.#sentence = sentence;
    this.#over = over;
  }

  failed(fields: Fields): void {
    if (this.#lasts) return this.#log.debug(fields, this.#sentence);
    this.#lasts = true;
    this.#log.warn(fields, this.#sentence);
  }

  succeeded(fields: Fields = {}): void {
    if (!this.#lasts) return;
    this.#lasts = false;
    this.#log.info(fields, this.#over);
  }
}
