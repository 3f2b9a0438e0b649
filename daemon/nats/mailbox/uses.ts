/**
 * Last uses of app passwords in the mailbox streams: `m<i>.p.<mailbox>.<app password>`, a small JSON record each.
 *
 * Spec: the contract in `daemon/mailbox/uses.ts`. Pods do not ask each other: the last one to write is right to an hour.
 */
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { TtlCache } from "../../kit/ttl-cache.ts";
import type { MailboxName } from "../../mailbox/store.ts";
import { type PasswordUse, type PasswordUses, REMEMBERED_DAYS } from "../../mailbox/uses.ts";
import type { GroupCommit } from "../commit.ts";
import type { Link } from "../connect.ts";
import { purgeSubjects } from "../streams.ts";
import { recordsUnder } from "./pages.ts";
import { decodeToken, encodeToken, mailStream, type Shard } from "./subjects.ts";
import { orUnavailable, unavailable } from "./unavailable.ts";

export interface UseShard {
  readonly link: Link;
  readonly shard: Shard;
  readonly commit: GroupCommit;
  readonly clock: Clock;
  readonly log: Log;
}

const HOUR_MS = 3_600_000;
const PASSWORDS = 50_000;
const TTL = `${REMEMBERED_DAYS * 86_400}s`;

const useSubject = (shard: Shard, mailbox: MailboxName, name: string): string =>
  `m${shard}.p.${encodeToken(mailbox)}.${encodeToken(name)}`;
const everyUse = (shard: Shard, mailbox: MailboxName): string => `m${shard}.p.${encodeToken(mailbox)}.*`;

export class Uses implements PasswordUses {
  readonly #shardOf: (mailbox: MailboxName) => UseShard;
  /** Written within the hour, or being written. */
  readonly #told = new TtlCache<true>(PASSWORDS);

  constructor(shardOf: (mailbox: MailboxName) => UseShard) {
    this.#shardOf = shardOf;
  }

  used(mailbox: MailboxName, { name, at, scope }: PasswordUse): void {
    const { shard, commit, clock, log } = this.#shardOf(mailbox);
    const subject = useSubject(shard, mailbox, name);
    const now = clock.monotonic();
    if (this.#told.get(subject, now)) return;
    this.#told.set(subject, true, now + HOUR_MS, now);
    const data = Buffer.from(JSON.stringify({ t: at, s: scope } satisfies Wire));
    commit.commit([{ subject, data, ttl: TTL }]).catch((error) => {
      this.#told.delete(subject);
      log.debug({ err: error }, "the use of an app password could not be told");
    });
  }

  async uses(mailbox: MailboxName, signal: AbortSignal): Promise<readonly PasswordUse[]> {
    const { link, shard } = this.#shardOf(mailbox);
    const found = new Map<string, PasswordUse>();
    try {
      for await (const { subject, data } of recordsUnder(
        link,
        mailStream(shard),
        everyUse(shard, mailbox),
        signal,
      )) {
        if (data.length === 0) continue;
        const { t: at, s: scope } = JSON.parse(Buffer.from(data).toString()) as Wire;
        const name = decodeToken(subject.slice(subject.lastIndexOf(".") + 1));
        found.set(name, { name, at, scope });
      }
    } catch (error) {
      throw unavailable(error);
    }
    return [...found.values()];
  }

  async forget(mailbox: MailboxName): Promise<void> {
    const { link, shard } = this.#shardOf(mailbox);
    await orUnavailable(purgeSubjects(link, mailStream(shard), everyUse(shard, mailbox)));
  }
}

interface Wire {
  readonly t: number;
  readonly s: string;
}
