/**
 * Sieve scripts of a mailbox, and what its automatic answers remember: a port, and an implementation in memory.
 *
 * In:     scripts by name; at most one is active. A set is replaced as a whole, by compare-and-set.
 * Fails:  `StoreUnavailable`.
 * Spec:   RFC 5804 §1.4 (names), §2 (what a server keeps).
 */
import type { MailboxName } from "./store.ts";

export interface ScriptSet {
  /** By name, in order. */
  readonly scripts: ReadonlyMap<string, string>;
  readonly active: string | undefined;
}

const noScripts: ScriptSet = { scripts: new Map(), active: undefined };

export interface Versioned extends ScriptSet {
  /** What a replacement must name. */
  readonly revision: number;
}

export interface ScriptStore {
  scripts(mailbox: MailboxName): Promise<Versioned>;
  /** False: somebody else was faster, nothing was changed. */
  replaceScripts(mailbox: MailboxName, set: ScriptSet, revision: number): Promise<boolean>;
  /** The active script; cheap, since it is asked for each message. */
  activeScript(mailbox: MailboxName): Promise<string | undefined>;
  /**
   * True when nothing was noted under this key yet, or by the same author; then it is noted for so many days.
   */
  note(mailbox: MailboxName, key: string, author: string, days: number): Promise<boolean>;
  /** The mailbox is at its end: its scripts and what its answers remember are removed. Says how many scripts there were. */
  forget(mailbox: MailboxName): Promise<number>;
}

export class MemoryScripts implements ScriptStore {
  readonly #sets = new Map<MailboxName, Versioned>();
  readonly #notes = new Map<string, { readonly author: string; readonly until: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async scripts(mailbox: MailboxName): Promise<Versioned> {
    return this.#sets.get(mailbox) ?? { ...noScripts, revision: 0 };
  }

  async replaceScripts(mailbox: MailboxName, set: ScriptSet, revision: number): Promise<boolean> {
    if ((this.#sets.get(mailbox)?.revision ?? 0) !== revision) return false;
    this.#sets.set(mailbox, { ...set, revision: revision + 1 });
    return true;
  }

  async activeScript(mailbox: MailboxName): Promise<string | undefined> {
    const set = this.#sets.get(mailbox);
    return set?.active === undefined ? undefined : set.scripts.get(set.active);
  }

  async note(mailbox: MailboxName, key: string, author: string, days: number): Promise<boolean> {
    const id = `${mailbox} ${key}`;
    const known = this.#notes.get(id);
    if (known && known.until > this.#now()) return known.author === author;
    this.#notes.set(id, { author, until: this.#now() + days * 86_400_000 });
    return true;
  }

  async forget(mailbox: MailboxName): Promise<number> {
    const { scripts, revision } = await this.scripts(mailbox);
    if (scripts.size > 0) this.#sets.set(mailbox, { ...noScripts, revision: revision + 1 });
    for (const id of this.#notes.keys()) if (id.startsWith(`${mailbox} `)) this.#notes.delete(id);
    return scripts.size;
  }
}
