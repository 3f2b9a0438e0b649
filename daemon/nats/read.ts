/**
 * Reads single records as the stream's leader knows them: the last word on a subject. (Direct gets may be answered by any
 * replica and lag behind; alone they serve immutable records only.)
 *
 * Who may read one namespace only cannot ask the leader for a record, since that call's payload could name any. But a
 * write that expects what cannot be is refused by the leader with the sequence of the subject's last record; then a
 * direct get that shows that sequence, or a later one, shows what the leader knows.
 */
import { headers, type Msg } from "@nats-io/transport-node";
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";
import { namespaceShard } from "./users/permissions.ts";

export interface StoredRecord {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  /** ms since the epoch, when the server stored it */
  readonly time: number;
  header(name: string): string | undefined;
  /** It came by way of the server's answer to somebody's question (see `tail.ts`). */
  readonly forged: boolean;
}

interface GetAnswer {
  readonly error?: ApiError;
  readonly message?: {
    readonly subject: string;
    readonly seq: number;
    readonly hdrs?: string;
    readonly data?: string;
    readonly time: string;
  };
}

const NO_MESSAGE = 10037;

/** The last message on a subject as the leader knows it, or `undefined`. Throws `StoreFault`. */
export function lastOnSubject(
  link: Reading,
  stream: string,
  subject: string,
  timeoutMs = 5_000,
): Promise<StoredRecord | undefined> {
  const { confined } = link;
  return confined === undefined || stream === `M${namespaceShard(confined)}`
    ? getRecord(link, stream, { last_by_subj: subject }, timeoutMs)
    : probe(link, stream, subject, timeoutMs);
}

export type Reading = Pick<Link, "nc" | "confined">;

/** The first message from a sequence on whose subject matches, as the leader knows it. Throws `StoreFault`. */
export const nextOnSubject = (
  link: Reading,
  stream: string,
  filter: string,
  from: number,
  timeoutMs = 5_000,
): Promise<StoredRecord | undefined> =>
  getRecord(link, stream, { next_by_subj: filter, seq: from }, timeoutMs);

async function getRecord(
  { nc }: Reading,
  stream: string,
  question: object,
  timeoutMs: number,
): Promise<StoredRecord | undefined> {
  const api = `$JS.API.STREAM.MSG.GET.${stream}`;
  const answer = await ask(nc, api, JSON.stringify(question), timeoutMs);
  if (answer.error?.err_code === NO_MESSAGE) return undefined;
  if (answer.error) throw faultOf(answer.error);
  if (!answer.message) throw new StoreFault("refused", "an answer without a message");
  const { seq, data, hdrs, time, subject: found } = answer.message;
  const head = hdrs ? Buffer.from(hdrs, "base64").toString("latin1") : "";
  return {
    subject: found,
    sequence: seq,
    data: data ? Buffer.from(data, "base64") : new Uint8Array(),
    time: Date.parse(time),
    header: (name) => headerOf(head, name),
    forged: headerOf(head, "Nats-Subject") !== undefined,
  };
}

async function ask(nc: Reading["nc"], api: string, question: string, timeout: number): Promise<GetAnswer> {
  try {
    return (await nc.request(api, question, { timeout })).json<GetAnswer>();
  } catch (error) {
    throw new StoreFault("away", `no answer from ${api}`, error);
  }
}

function headerOf(head: string, name: string): string | undefined {
  const at = head.indexOf(`\r\n${name}:`);
  if (at < 0) return undefined;
  const start = at + name.length + 3;
  return head.slice(start, head.indexOf("\r\n", start)).trim();
}

/** No subject has such a sequence. */
const NEVER = String(Number.MAX_SAFE_INTEGER);
const WRONG_LAST = 10071;
/** Somebody else's write to the subject is on its way. */
const UNDER_WAY = 10164;
const NOT_FOUND = 404;
const PAUSE_MS = 10;

async function probe(
  { nc }: Reading,
  stream: string,
  subject: string,
  timeoutMs: number,
): Promise<StoredRecord | undefined> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const left = end - performance.now();
    if (left <= 0) throw new StoreFault("away", `what ${stream} says of ${subject} did not show in time`);
    const known = await leadersSequence(nc, subject, left);
    if (known === 0) return undefined;
    if (known !== undefined) {
      const found = await direct(nc, `$JS.API.DIRECT.GET.${stream}.${subject}`, left);
      if (found && found.sequence >= known) return found;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS)); // a replica that lags, or a record that goes just now
  }
}

/** 0: there is no record; `undefined`: it cannot be said just now. */
async function leadersSequence(
  nc: Reading["nc"],
  subject: string,
  timeout: number,
): Promise<number | undefined> {
  const head = headers();
  head.set("Nats-Expected-Last-Subject-Sequence", NEVER);
  let error: ApiError | undefined;
  try {
    ({ error } = (await nc.request(subject, "", { headers: head, timeout })).json<GetAnswer>());
  } catch (cause) {
    throw new StoreFault("away", `no answer about ${subject}`, cause);
  }
  const told = /wrong last sequence: (\d+)/.exec(error?.description ?? "")?.[1];
  if (error?.err_code === WRONG_LAST && told !== undefined) return Number(told);
  if (error?.err_code === UNDER_WAY) return undefined;
  throw error ? faultOf(error) : new StoreFault("refused", "an impossible write was taken");
}

async function direct(nc: Reading["nc"], api: string, timeout: number): Promise<StoredRecord | undefined> {
  let answer: Msg;
  try {
    answer = await nc.request(api, "", { timeout });
  } catch (cause) {
    throw new StoreFault("away", `no answer from ${api}`, cause);
  }
  const { headers: head, data } = answer;
  // The last ones are of this answer; a record that was stored by way of another answer has those of that one, too.
  const sequence = Number(head?.last("Nats-Sequence"));
  if (head === undefined || head.code === NOT_FOUND || !(sequence > 0)) return undefined;
  return {
    subject: head.last("Nats-Subject"),
    sequence,
    data,
    time: Date.parse(head.last("Nats-Time-Stamp")),
    header: (name) => head.get(name) || undefined,
    forged: head.values("Nats-Subject").length > 1,
  };
}
