/** The memory of greylisting within one process, that may be made to fail. */
import type { GreyBook, Noted } from "../../daemon/accept/strangers/greylist.ts";

export class MemoryGreyBook implements GreyBook {
  readonly #now: () => number;
  readonly #notes = new Map<string, Noted & { readonly until: number }>();
  #revision = 0;
  /** Reads and writes fail. */
  broken = false;
  reads = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  async read(key: string): Promise<Noted | undefined> {
    this.reads++;
    if (this.broken) throw new Error("away");
    return this.#find(key);
  }

  async write(key: string, note: Noted["note"], ttlMs: number, replaces: number): Promise<boolean> {
    if (this.broken) throw new Error("away");
    if ((this.#find(key)?.revision ?? 0) !== replaces) return false;
    this.#notes.set(key, { note, revision: ++this.#revision, until: this.#now() + ttlMs });
    return true;
  }

  #find(key: string): Noted | undefined {
    const found = this.#notes.get(key);
    return found && found.until > this.#now() ? found : undefined;
  }
}
