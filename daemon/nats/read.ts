/**
 * Reads single records from the stream's leader: the last word on a subject. (Direct gets may be answered by any
 * replica and lag behind; they serve immutable records only.)
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";

export interface StoredRecord {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  /** ms since the epoch, when the server stored it */
  readonly time: number;
  header(name: string): string | undefined;
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
export async function lastOnSubject(
  nc: NatsConnection,
  stream: string,
  subject: string,
  timeoutMs = 5_000,
): Promise<StoredRecord | undefined> {
  return getRecord(nc, stream, { last_by_subj: subject }, timeoutMs);
}

/** The first message from a sequence on whose subject matches, as the leader knows it. Throws `StoreFault`. */
export const nextOnSubject = (
  nc: NatsConnection,
  stream: string,
  filter: string,
  from: number,
  timeoutMs = 5_000,
): Promise<StoredRecord | undefined> => getRecord(nc, stream, { next_by_subj: filter, seq: from }, timeoutMs);

async function getRecord(
  nc: NatsConnection,
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
  };
}

async function ask(nc: NatsConnection, api: string, question: string, timeout: number): Promise<GetAnswer> {
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
