/**
 * Tells who works with which revision of the directory: each process keeps one record with a short life.
 *
 * In:     a live directory, the process's name.
 * Out:    `acknowledge` keeps the record true until it is disposed of; `readAcks` lists what is there.
 * Fails:  never: a record that could not be written is written again within seconds, or expires.
 */
import { headers } from "@nats-io/transport-node";
import type { LiveDirectory } from "../../directory/directory.ts";
import type { Log } from "../../kit/log.ts";
import type { Link } from "../connect.ts";
import { Tail } from "../tail.ts";
import { ACKS_STREAM, ackSubject, ensureAcks } from "./bucket.ts";

export interface Ack {
  readonly member: string;
  readonly revision: number;
}

export interface AckOptions {
  readonly link: Link;
  readonly live: LiveDirectory;
  /** A name for the process, such as the pod's. */
  readonly member: string;
  readonly log: Log;
  readonly renewMs?: number;
}

const renewals = 3;

export async function acknowledge(options: AckOptions): Promise<AsyncDisposable> {
  const { link, live, member, log, renewMs = 20_000 } = options;
  await ensureAcks(link);
  const subject = ackSubject(member);
  const write = (ttlMs: number) => {
    if (!link.isUp()) return; // the next renewal tells
    const head = headers();
    head.set("Nats-TTL", `${Math.max(1, Math.ceil(ttlMs / 1_000))}s`);
    const ack: Ack = { member, revision: live.current().revision };
    try {
      link.nc.publish(subject, JSON.stringify(ack), { headers: head });
    } catch (error) {
      log.debug({ err: error }, "the directory's revision could not be acknowledged");
    }
  };
  const tell = () => write(renewals * renewMs);
  const stop = live.onChange(tell);
  const timer = setInterval(tell, renewMs);
  tell();
  return {
    async [Symbol.asyncDispose]() {
      stop();
      clearInterval(timer);
      write(0); // gone in a second
    },
  };
}

export async function readAcks(link: Link, log: Log): Promise<readonly Ack[]> {
  const found = new Map<string, Ack>();
  await ensureAcks(link);
  await using tail = await new Tail(link, {
    stream: ACKS_STREAM,
    filters: ["$KV.acks.>"],
    onMessage: ({ subject, data }) => {
      if (data.length > 0) found.set(subject, JSON.parse(Buffer.from(data).toString("utf8")) as Ack);
      else found.delete(subject);
    },
    log,
  }).start();
  await tail.caughtUp;
  return [...found.values()].sort((a, b) => (a.member < b.member ? -1 : 1));
}
