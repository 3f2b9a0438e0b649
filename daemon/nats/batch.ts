/**
 * One atomic batch over the wire: all of its entries are stored, or none. An entry that is alone goes as a plain message, which is
 * as atomic; it is told again by a header of ours.
 *
 * In:     entries in order, an id that nobody else uses, and how long the answer may take.
 * Out:    the sequence of the first entry, or why nothing was stored; `doubt`: no answer came, and either may be so.
 * Fails:  never.
 *
 * The publisher is our own because `Batch.add()` of @nats-io/jetstream 3.4.0 drops expectations and TTLs. NATS ADR-50
 */
import type { MsgHdrs } from "@nats-io/transport-node";
import type { Link } from "./connect.ts";
import { type ApiError, type Conflict, faultOf, isDenied, StoreFault } from "./fault.ts";
import type { StoredRecord } from "./read.ts";

export interface Entry {
  readonly subject: string;
  readonly data: Uint8Array;
  /** The stream sequence of the subject's last message; 0: there must be none. */
  readonly expect?: number;
  /** The subject that `expect` speaks of, when it is not the entry's own. */
  readonly on?: string;
  /** Nats-TTL, for example `600s`. */
  readonly ttl?: string;
}

export type Published =
  | { readonly kind: "stored"; readonly first: number }
  | { readonly kind: "failed"; readonly failure: Conflict | StoreFault }
  | { readonly kind: "doubt" };

interface Answer {
  readonly error?: ApiError;
  /** Stream sequence of the batch's last entry. */
  readonly seq?: number;
}

/** What tells a batch again when its answer was lost. */
const BATCH_ID = "Nats-Batch-Id";
/** The same of an entry that is alone: a batch of one would cost an unreplicated stream four fsyncs instead of one. */
const ALONE_ID = "Postfleet-Commit";
/** Server limit of one atomic batch. */
export const BATCH_LIMIT = 1_000;

/** The id of the batch that brought a message. */
export const batchIdOf = ({ header }: Pick<StoredRecord, "header">): string | undefined =>
  header(BATCH_ID) ?? header(ALONE_ID);

export async function publishBatch(
  link: Link,
  entries: readonly Entry[],
  id: string,
  answerMs: number,
): Promise<Published> {
  const last = entries.length - 1;
  try {
    for (const [i, entry] of entries.entries()) if (i < last) send(link, entry, id, i + 1);
    const answer = await commit(link, entries[last] as Entry, id, last + 1, answerMs);
    if (answer === undefined) return { kind: "doubt" };
    if (answer.error) return { kind: "failed", failure: faultOf(answer.error) };
    return { kind: "stored", first: (answer.seq ?? 0) - last };
  } catch (error) {
    const failure = refusalIn(error);
    return failure ? { kind: "failed", failure } : { kind: "doubt" };
  }
}

/** Without an answer of the stream: it is clear all the same that nothing was stored. */
function refusalIn(error: unknown): StoreFault | undefined {
  if (isNoResponders(error)) return new StoreFault("busy", "no stream is listening", error);
  if (isDenied(error)) return new StoreFault("refused", "no permission to write there", error);
  if (isTooLarge(error))
    return new StoreFault("tooLarge", "entry larger than the server's max_payload", error);
  return undefined;
}

function send({ nc }: Link, entry: Entry, id: string, sequence: number): void {
  nc.publish(entry.subject, entry.data, { headers: headOf(entry, id, sequence) });
}

/** The answer, or `undefined` when the connection went away first. */
function commit(
  link: Link,
  entry: Entry,
  id: string,
  sequence: number,
  timeout: number,
): Promise<Answer | undefined> {
  const head = headOf(entry, id, sequence, true);
  return new Promise((resolve, reject) => {
    const forget = link.onceDown(() => resolve(undefined));
    link.nc
      .request(entry.subject, entry.data, { headers: head, timeout })
      .then((answer) => resolve(answer.json<Answer>()), reject)
      .finally(forget);
  });
}

const batchHead = (id: string, sequence: number, last: boolean): string =>
  `${BATCH_ID}: ${id}\r\nNats-Batch-Sequence: ${sequence}${last ? "\r\nNats-Batch-Commit: 1" : ""}`;

/**
 * The header section of an entry as it goes over the wire. The client asks no more of a header than its octets, so ours
 * is not made into a table only to be taken apart again. NATS ADR-4
 */
function headOf({ expect, on, ttl }: Entry, id: string, sequence: number, last = false): MsgHdrs {
  let text = `NATS/1.0\r\n${last && sequence === 1 ? `${ALONE_ID}: ${id}` : batchHead(id, sequence, last)}\r\n`;
  if (expect !== undefined) text += `Nats-Expected-Last-Subject-Sequence: ${expect}\r\n`;
  if (on !== undefined) text += `Nats-Expected-Last-Subject-Sequence-Subject: ${on}\r\n`;
  if (ttl !== undefined) text += `Nats-TTL: ${ttl}\r\n`;
  const encoded = { encode: () => Buffer.from(`${text}\r\n`) };
  return encoded as unknown as MsgHdrs;
}

const isNoResponders = (error: unknown) =>
  /no ?responders/i.test(`${(error as Error)?.name} ${(error as Error)?.message}`);
const isTooLarge = (error: unknown) => /max_payload/.test(String((error as Error)?.message));
