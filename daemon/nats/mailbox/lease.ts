/**
 * A name that one process holds at a time: a record with a TTL, made by compare-and-set and renewed well before it ends.
 *
 * Out:    a lease, or `undefined` while somebody else holds the name.
 * Fails:  `StoreFault` when the store cannot tell. A lease that cannot be renewed is lost, and says so.
 */
import type { Exclusive } from "../../mailbox/session.ts";
import type { GroupCommit } from "../commit.ts";
import { Conflict } from "../fault.ts";
import type { Reader } from "./reader.ts";

const TTL_S = 30;
const RENEW_MS = 8_000;
/** Whoever could not renew for so long must take the lease for lost: the TTL is near. */
const PATIENCE_MS = 20_000;

export async function takeLease(
  reader: Reader,
  commit: GroupCommit,
  subject: string,
  holder: string,
): Promise<Exclusive | undefined> {
  for (let tries = 1; ; tries++) {
    const found = await reader.last(subject);
    if (found && found.data.length > 0) return undefined;
    try {
      const sequence = await commit.commit([entry(subject, holder, found?.sequence ?? 0)]);
      return new Lease(commit, subject, holder, sequence);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      // Somebody was faster; or a record that was given back ended just now, and the name is free.
      if (tries === 3) return undefined;
    }
  }
}

const entry = (subject: string, holder: string, expect: number, ttl = TTL_S) => ({
  subject,
  data: Buffer.from(holder),
  expect,
  ttl: `${ttl}s`,
});

class Lease implements Exclusive {
  readonly #commit: GroupCommit;
  readonly #subject: string;
  readonly #holder: string;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #sequence: number;
  #renewing: Promise<void> = Promise.resolve();
  #heldUntil: number;

  constructor(commit: GroupCommit, subject: string, holder: string, sequence: number) {
    this.#commit = commit;
    this.#subject = subject;
    this.#holder = holder;
    this.#sequence = sequence;
    this.#heldUntil = performance.now() + PATIENCE_MS;
    this.#timer = setInterval(() => {
      this.#renewing = this.#renewing.then(() => this.#renew());
    }, RENEW_MS);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async #renew(): Promise<void> {
    if (this.#lost.signal.aborted) return;
    const asked = performance.now();
    try {
      this.#sequence = await this.#commit.commit(
        [entry(this.#subject, this.#holder, this.#sequence)],
        PATIENCE_MS - RENEW_MS,
      );
      this.#heldUntil = asked + PATIENCE_MS;
    } catch (error) {
      if (error instanceof Conflict || performance.now() >= this.#heldUntil) this.#lose(error);
    }
  }

  #lose(reason: unknown): void {
    clearInterval(this.#timer);
    this.#lost.abort(reason);
  }

  /** The record goes at once; failing that, with its TTL. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    if (this.#lost.signal.aborted) return;
    await this.#commit.commit([entry(this.#subject, "", this.#sequence, 1)], 2_000).catch(() => {});
  }
}
