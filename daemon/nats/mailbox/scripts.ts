/**
 * Sieve scripts and notes of automatic answers, in the mailbox streams:
 *
 *   `m<i>.s.<mailbox>`         all scripts of the mailbox, and which is active; gzipped JSON
 *   `m<i>.a.<mailbox>.<key>`   somebody was answered; goes by its TTL
 *
 * Which mailboxes have an active script is followed, so that a message for one that has none costs nothing; the text is
 * read when it is needed and kept as long as it is the newest.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import type { Log } from "../../kit/log.ts";
import { TtlCache } from "../../kit/ttl-cache.ts";
import type { ScriptSet, ScriptStore, Versioned } from "../../mailbox/scripts.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { Conflict } from "../fault.ts";
import { purgeSubjects } from "../streams.ts";
import { Tail } from "../tail.ts";
import type { Reader } from "./reader.ts";
import { encodeToken, mailStream, type Shard } from "./subjects.ts";
import { orUnavailable } from "./unavailable.ts";

export interface ScriptShard {
  readonly link: Link;
  readonly shard: Shard;
  readonly reader: Reader;
  readonly commit: GroupCommit;
  readonly log: Log;
}

interface Wire {
  readonly scripts: readonly (readonly [name: string, text: string])[];
  readonly active?: string;
}

const mostOctets = 1 << 24;
const kept = 200;
const forEver = Number.MAX_SAFE_INTEGER;
const nothing = new Uint8Array(0);
/** How long it can be read that scripts are gone, by pods that were cut off meanwhile. */
const goneTtl = "86400s";

const scriptSubject = (shard: Shard, mailbox: MailboxName): string => `m${shard}.s.${encodeToken(mailbox)}`;
const noteSubject = (shard: Shard, mailbox: MailboxName, key: string): string =>
  `m${shard}.a.${encodeToken(mailbox)}.${encodeToken(key)}`;
const everyNote = (shard: Shard, mailbox: MailboxName): string => `m${shard}.a.${encodeToken(mailbox)}.*`;

export class Scripts implements ScriptStore, AsyncDisposable {
  readonly #shardOf: (mailbox: MailboxName) => ScriptShard;
  /** Sequence of the newest record, for mailboxes that have an active script. */
  readonly #active = new Map<string, number>();
  readonly #texts = new TtlCache<string>(kept);
  readonly #tails = new Map<Shard, Promise<Tail>>();

  constructor(shardOf: (mailbox: MailboxName) => ScriptShard) {
    this.#shardOf = shardOf;
  }

  async scripts(mailbox: MailboxName): Promise<Versioned> {
    const { shard, reader } = this.#shardOf(mailbox);
    const found = await orUnavailable(reader.last(scriptSubject(shard, mailbox)));
    const set =
      found && found.data.length > 0 ? decode(found.data) : { scripts: new Map(), active: undefined };
    return { ...set, revision: found?.sequence ?? 0 };
  }

  async replaceScripts(mailbox: MailboxName, set: ScriptSet, revision: number): Promise<boolean> {
    const { shard, commit } = this.#shardOf(mailbox);
    const data = encode(set);
    const subject = scriptSubject(shard, mailbox);
    const writing = commit.commit([{ subject, data, expect: revision }]).then(
      () => true,
      (error) => {
        if (error instanceof Conflict) return false;
        throw error;
      },
    );
    return orUnavailable(writing);
  }

  async activeScript(mailbox: MailboxName): Promise<string | undefined> {
    const part = this.#shardOf(mailbox);
    await orUnavailable(this.#followed(part));
    const subject = scriptSubject(part.shard, mailbox);
    const sequence = this.#active.get(subject);
    if (sequence === undefined) return undefined;
    const id = `${subject} ${sequence}`;
    const known = this.#texts.get(id, 0);
    if (known) return known.value;
    const { scripts, active, revision } = await this.scripts(mailbox);
    const text = active === undefined ? undefined : scripts.get(active);
    if (text !== undefined) this.#texts.set(`${subject} ${revision}`, text, forEver, 0);
    return text;
  }

  async note(mailbox: MailboxName, key: string, author: string, days: number): Promise<boolean> {
    const { shard, commit, reader } = this.#shardOf(mailbox);
    const subject = noteSubject(shard, mailbox, key);
    const found = await orUnavailable(reader.last(subject));
    if (found && found.data.length > 0) return Buffer.from(found.data).toString() === author;
    const entry = {
      subject,
      data: Buffer.from(author),
      expect: found?.sequence ?? 0,
      ttl: `${days * 86_400}s`,
    };
    const writing = commit.commit([entry]).then(
      () => true,
      (error) => {
        if (error instanceof Conflict) return false; // answered by another message this moment
        throw error;
      },
    );
    return orUnavailable(writing);
  }

  async forget(mailbox: MailboxName): Promise<number> {
    const part = this.#shardOf(mailbox);
    const { scripts } = await this.scripts(mailbox);
    const subject = scriptSubject(part.shard, mailbox);
    // Pods follow the subject: a purge would tell them nothing, an empty record does.
    if (scripts.size > 0) await orUnavailable(part.commit.commit([{ subject, data: nothing, ttl: goneTtl }]));
    const { link, shard } = part;
    await orUnavailable(purgeSubjects(link, mailStream(shard), everyNote(shard, mailbox)));
    return scripts.size;
  }

  /** Resolves when it is known which mailboxes have an active script. */
  async #followed(part: ScriptShard): Promise<void> {
    const following = this.#tails.get(part.shard) ?? this.#follow(part);
    this.#tails.set(part.shard, following);
    try {
      await (await following).caughtUp;
    } catch (error) {
      if (this.#tails.get(part.shard) === following) this.#tails.delete(part.shard);
      throw error;
    }
  }

  #follow({ link, shard, log }: ScriptShard): Promise<Tail> {
    return new Tail(link, {
      stream: mailStream(shard),
      filters: [`m${shard}.s.*`],
      onMessage: ({ subject, sequence, data }) => {
        if (data.length > 0 && decode(data).active !== undefined) this.#active.set(subject, sequence);
        else this.#active.delete(subject);
      },
      onAnother: () => this.#active.clear(),
      log,
    }).start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tail of this.#tails.values())
      await (await tail.catch(() => undefined))?.[Symbol.asyncDispose]();
  }
}

const encode = ({ scripts, active }: ScriptSet): Uint8Array => {
  const wire: Wire = { scripts: [...scripts], ...(active === undefined ? {} : { active }) };
  return gzipSync(JSON.stringify(wire));
};

function decode(data: Uint8Array): ScriptSet {
  const { scripts, active } = JSON.parse(
    gunzipSync(data, { maxOutputLength: mostOctets }).toString(),
  ) as Wire;
  return { scripts: new Map(scripts), active };
}
