/**
 * The changes of a stream's mailboxes, told to those who follow one: a single consumer per process and stream, however
 * many mailboxes are open.
 *
 * A unit's records come before its ledger, and nothing of the same mailbox comes in between: what has come is kept until
 * the ledger closes the unit.
 *
 * In:     mailboxes to follow.
 * Out:    units in the order of the stream; `lost` once, and nothing more, when the stream was brought back from a copy.
 * Fails:  `follow` rejects with `StoreFault` when the stream cannot be followed now; later outages are waited out.
 */
import type { Log } from "../../kit/log.ts";
import type { Follower, Told } from "../../mailbox/journal.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import type { Link } from "../connect.ts";
import { lastOf } from "../history.ts";
import { Tail, type TailMessage } from "../tail.ts";
import { decodeLedger, decodeLog, decodeRecord } from "./records.ts";
import { encodeToken, everyChange, mailStream, type Shard, uidOf } from "./subjects.ts";

interface Followed {
  readonly followers: Set<Follower>;
  records: Told["records"][number][];
  logs: Told["logs"][number][];
}

export class Feed implements AsyncDisposable {
  readonly #link: Link;
  readonly #shard: Shard;
  readonly #log: Log;
  readonly #onAnother: () => void;
  /** By the token of their name. */
  readonly #mailboxes = new Map<string, Followed>();
  #tail: Promise<Tail> | undefined;

  /** `onAnother`: what is remembered of the stream is not so any more. */
  constructor(link: Link, shard: Shard, log: Log, onAnother: () => void) {
    this.#onAnother = onAnother;
    this.#link = link;
    this.#shard = shard;
    this.#log = log;
  }

  /** From now on; what it returns ends it. */
  async follow(mailbox: MailboxName, follower: Follower): Promise<() => void> {
    const token = encodeToken(mailbox);
    const found = this.#mailboxes.get(token) ?? { followers: new Set<Follower>(), records: [], logs: [] };
    this.#mailboxes.set(token, found);
    const mine = { ...follower };
    found.followers.add(mine);
    const end = () => {
      found.followers.delete(mine);
      if (found.followers.size === 0 && this.#mailboxes.get(token) === found) this.#mailboxes.delete(token);
    };
    try {
      this.#tail ??= this.#start();
      await this.#tail;
      return end;
    } catch (error) {
      this.#tail = undefined;
      end();
      throw error;
    }
  }

  /** Looks whether the stream is still the one that it was. */
  async doubt(): Promise<void> {
    await (await this.#tail)?.doubt();
  }

  #another(): void {
    const followed = [...this.#mailboxes.values()];
    this.#mailboxes.clear();
    this.#onAnother();
    for (const { followers } of followed) for (const { lost } of followers) lost();
  }

  async #start(): Promise<Tail> {
    const { sequence: after } = await lastOf(this.#link, mailStream(this.#shard));
    const tail = new Tail(this.#link, {
      stream: mailStream(this.#shard),
      filters: everyChange(this.#shard),
      after,
      onMessage: (message) => this.#take(message),
      onAnother: () => this.#another(),
      log: this.#log,
    });
    return tail.start();
  }

  #take({ subject, sequence, data }: TailMessage): void {
    const parts = subject.split(".");
    const [, kind, token = "", folder] = parts;
    const found = this.#mailboxes.get(token);
    if (!found) return;
    if (kind === "r") {
      const uid = uidOf(subject) as Told["records"][number]["uid"];
      const record = data.length === 0 ? undefined : decodeRecord(data);
      found.records.push({ folder: Number(folder), uid, record });
    } else if (kind === "v") {
      if (data.length > 0) found.logs.push({ folder: Number(folder), log: decodeLog(data) });
    } else if (data.length > 0) {
      const { records, logs } = found;
      found.records = [];
      found.logs = [];
      const unit = { sequence, ledger: decodeLedger(data), records, logs };
      for (const { told } of found.followers) told(unit);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const tail = await this.#tail?.catch(() => undefined);
    this.#tail = undefined;
    await tail?.[Symbol.asyncDispose]();
  }
}
