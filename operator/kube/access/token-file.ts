/**
 * A token in a file that somebody else renews: the kubelet rewrites a service account's token well before it ends.
 *
 * Fails:  when the file cannot be read and no token of it is remembered.
 */
import { readFile } from "node:fs/promises";
import type { Clock } from "../../../daemon/kit/clock.ts";

/** Tokens are valid for ten minutes at least, and renewed after four fifths of their time. */
const REREAD_MS = 60_000;

export class TokenFile {
  readonly #file: string;
  readonly #clock: Clock;
  #known: { readonly token: string; readonly readAt: number } | undefined;

  constructor(file: string, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  async token(): Promise<string> {
    const now = this.#clock.monotonic();
    if (this.#known !== undefined && now - this.#known.readAt < REREAD_MS) return this.#known.token;
    try {
      this.#known = { token: (await readFile(this.#file, "utf8")).trim(), readAt: now };
    } catch (error) {
      // While the folder is being exchanged: the old token is still good.
      if (this.#known === undefined) throw error;
    }
    return this.#known.token;
  }

  forget(): void {
    this.#known = undefined;
  }
}
