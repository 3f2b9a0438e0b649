/**
 * Walks the last records of many subjects by direct batch gets: a request a page, no consumer to make and to forget.
 *
 * In:     a stream with one message per subject, and a subject filter.
 * Out:    records in stream order. A record that is replaced meanwhile moves forward: it may be seen twice, never
 *         missed. Any replica answers, so the newest records may not be there yet.
 * Fails:  `StoreFault` when no answer comes in time.
 * Spec:   ADR-31 (batched direct get): a page ends with status 204, or is status 404 when there is nothing.
 */
import type { Msg } from "@nats-io/transport-node";
import type { Link } from "../connect.ts";
import { StoreFault } from "../fault.ts";
import { type RawHeaders, rawHeaders } from "../raw-headers.ts";

/** Where the answers come is the link's to say: not every user may listen everywhere. */
type Asked = Pick<Link, "nc" | "inbox">;

export interface PageRecord {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
}

const PAGE = 1_000;
const TIMEOUT_MS = 10_000;

export async function* recordsUnder(
  link: Asked,
  stream: string,
  filter: string,
  signal: AbortSignal,
): AsyncIterable<PageRecord> {
  for (let from = 1; ; ) {
    signal.throwIfAborted();
    const page = await onePage(link, stream, { next_by_subj: filter, seq: from, batch: PAGE }, signal);
    yield* page.records;
    const last = page.records.at(-1);
    if (!page.more || last === undefined) return;
    from = last.sequence + 1;
  }
}

export interface LastRecords {
  readonly records: readonly PageRecord[];
  /** How far the copy of the stream reached that answered; 0 when it knew none of them. */
  readonly upTo: number;
}

/** The last records of a few subjects, of one moment; those that do not exist are left out. At most 1,000. */
export async function lastOf(
  link: Asked,
  stream: string,
  subjects: readonly string[],
  signal: AbortSignal,
): Promise<LastRecords> {
  signal.throwIfAborted();
  return onePage(link, stream, { multi_last: subjects, batch: subjects.length }, signal);
}

/** The sequence of the first message that was stored at this time or later; `undefined`: there is none. */
export async function firstSince(link: Asked, stream: string, time: number): Promise<number | undefined> {
  const question = { start_time: new Date(time).toISOString(), next_by_subj: ">", batch: 1 };
  return (await onePage(link, stream, question, calm)).records[0]?.sequence;
}

const calm = new AbortController().signal;

interface Page extends LastRecords {
  readonly more: boolean;
}

function onePage(link: Asked, stream: string, question: object, signal: AbortSignal): Promise<Page> {
  const { promise, resolve, reject } = Promise.withResolvers<Page>();
  const records: PageRecord[] = [];
  const { nc } = link;
  const inbox = link.inbox();
  const take = (message: Msg) => {
    const head = rawHeaders(message);
    if (head.status === 0) records.push(recordOf(head, message.data));
    else if (head.status === 204) resolve({ records, ...endOf(head) });
    else if (head.status === 404) resolve({ records, more: false, upTo: 0 });
    else reject(new StoreFault("away", `reading ${stream}: ${head.status} ${head.description}`));
  };
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) =>
      error ? reject(new StoreFault("away", error.message, error)) : take(message),
  });
  const timer = setTimeout(() => reject(new StoreFault("away", `no answer from ${stream}`)), TIMEOUT_MS);
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    nc.publish(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(question), { reply: inbox });
  } catch (error) {
    reject(new StoreFault("away", `${stream} cannot be asked`, error)); // the connection is closed
  }
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    subscription.unsubscribe();
  });
}

const endOf = (head: RawHeaders): Pick<Page, "more" | "upTo"> => ({
  more: Number(head.get("Nats-Num-Pending")) > 0,
  upTo: Number(head.get("Nats-UpTo-Sequence") ?? 0),
});

const recordOf = (head: RawHeaders, data: Uint8Array): PageRecord => ({
  subject: head.get("Nats-Subject") ?? "",
  sequence: Number(head.get("Nats-Sequence")),
  data,
});
