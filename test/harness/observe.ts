/**
 * Looks into a running instance from outside, as its commands do: what is queued, what lies in a mailbox.
 *
 * In:     the data folder of an instance with a private NATS, or the address and credential of one that runs.
 * Out:    jobs, messages as text; nothing is changed.
 */
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Address } from "../../daemon/mail/address.ts";
import { mailboxName } from "../../daemon/mailbox/store.ts";
import { connectNats, type Link } from "../../daemon/nats/connect.ts";
import { insist } from "../../daemon/nats/insist.ts";
import { readLayout } from "../../daemon/nats/layout.ts";
import { JetStreamMailboxStore } from "../../daemon/nats/mailbox/store.ts";
import { JetStreamQueue } from "../../daemon/nats/queue.ts";
import { readConnection } from "../../daemon/nats/server/connection.ts";
import { Tail } from "../../daemon/nats/tail.ts";
import type { Job } from "../../daemon/queue/job.ts";
import { unhurried } from "./patient.ts";
import { until } from "./until.ts";

export interface NatsAddress {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

const calm = new AbortController().signal;

export async function observe(where: string | NatsAddress): Promise<Observer> {
  const address = typeof where === "string" ? await readConnection(where) : where;
  if (address === undefined) throw new Error(`nothing runs on ${where}`);
  const { url, user, password } = address;
  const credential = { kind: "password", user, password } as const;
  const link = unhurried(await connectNats({ servers: [url], credential, name: "observer" }, silent));
  return new Observer(link, await insist(() => readLayout(link)));
}

export class Observer implements AsyncDisposable {
  readonly #link: Link;
  readonly #queue: JetStreamQueue;
  readonly #mailboxes: JetStreamMailboxStore;

  constructor(link: Link, { shards, partitions }: { readonly shards: number; readonly partitions: number }) {
    const common = { link, clock: systemClock, log: silent, shards };
    this.#link = link;
    this.#queue = new JetStreamQueue({ ...common, partitions, bodyTtlSeconds: () => 86_400 });
    this.#mailboxes = new JetStreamMailboxStore({ ...common, chance: Math.random });
  }

  async jobs(): Promise<Job[]> {
    const jobs: Job[] = [];
    for await (const { job } of this.#queue.list(calm)) jobs.push(job);
    return jobs;
  }

  /** The jobs of one message, by the id that the client was told. */
  async jobsOf(message: string): Promise<Job[]> {
    return (await this.jobs()).filter((job) => job.message === message);
  }

  /** What the stream of message events holds, as a stranger reads it: records by subject, a JSON a line. */
  async eventRecords(filter = "events.>"): Promise<{ subject: string; lines: string[] }[]> {
    const found: { subject: string; lines: string[] }[] = [];
    await using tail = new Tail(this.#link, {
      stream: "EVENTS",
      filters: [filter],
      since: 1, // from the beginning
      onMessage: ({ subject, data }) =>
        void found.push({ subject, lines: Buffer.from(data).toString().split("\n") }),
      log: silent,
    });
    await tail.start();
    await tail.caughtUp;
    return found;
  }

  /** The messages of a mailbox in UID order. */
  async mail(address: string, folder = "INBOX"): Promise<string[]> {
    const mailbox = mailboxName(address as Address);
    const found: string[] = [];
    for await (const { uid } of this.#mailboxes.messages(mailbox, folder, calm)) {
      const octets = await this.#mailboxes.read(mailbox, folder, uid, calm);
      const parts: Uint8Array[] = [];
      for await (const part of octets ?? []) parts.push(part);
      found.push(Buffer.concat(parts).toString());
    }
    return found;
  }

  /** How many messages a mailbox holds. */
  async count(address: string): Promise<number> {
    return (await this.#mailboxes.status(mailboxName(address as Address), calm))?.messages ?? 0;
  }

  /** Waits until a message in the mailbox holds this text. */
  mailWith(address: string, text: string): Promise<string> {
    return until(`a message with "${text}" for ${address}`, async () =>
      (await this.mail(address)).find((message) => message.includes(text)),
    );
  }

  /** Waits until no job of the message is left. */
  async settled(message: string): Promise<void> {
    await until(`${message} to leave the queue`, async () =>
      (await this.jobsOf(message)).length === 0 ? true : undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue[Symbol.asyncDispose]();
    await this.#mailboxes[Symbol.asyncDispose]();
    await this.#link[Symbol.asyncDispose]();
  }
}
