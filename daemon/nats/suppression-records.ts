/**
 * How the suppression list lies in JetStream: stream `SUPPRESSED`, one record an address, which its TTL ends.
 *
 * Subjects: `suppressed.<namespace>.<token of the address>`, so that a permission can name the namespace.
 * In:       entries of the list.
 * Out:      they are stored when the promise resolves; or a page of them, for people.
 * Fails:    `StoreFault`. What is no record of ours is passed over.
 */
import { headers } from "@nats-io/transport-node";
import { addressToken, type SuppressionRecord } from "../deliver/suppression/list.ts";
import type { Log } from "../kit/log.ts";
import { type Address, parseAddress } from "../mail/address.ts";
import type { Link } from "./connect.ts";
import { type ApiError, faultOf, StoreFault } from "./fault.ts";
import { managerOf } from "./insist.ts";
import { readPage } from "./stream-page.ts";
import { base, ensure } from "./streams.ts";
import type { TailMessage } from "./tail.ts";

export const SUPPRESSION_STREAM = "SUPPRESSED";
const prefix = "suppressed.";
/** Octets, when nothing else is said: some 150,000 addresses. */
const bytes = 64 << 20;
const recordMax = 2_048;
const textMax = 300;
/** How long a removal is seen by those who follow: longer than any of them is cut off, or it would keep to what was removed. */
const removalTtl = "86400s";

export async function ensureSuppression(
  link: Link,
  { replicas, size }: { readonly replicas: number; readonly size: number | undefined },
): Promise<void> {
  const jsm = await managerOf(link);
  await ensure(jsm, {
    ...base({ replicas }),
    name: SUPPRESSION_STREAM,
    subjects: [`${prefix}>`],
    max_bytes: size || bytes,
    max_msg_size: recordMax,
  });
}

const subjectOf = (namespace: string, address: Address): string => `${prefix}${keyOf(namespace, address)}`;
/** One wildcard for each token: an exact count of tokens is what a permission names. */
export const filterOf = (namespace: string | undefined): string => `${prefix}${namespace ?? "*"}.*`;

/** Namespace and token, which name an entry. */
export const keyOf = (namespace: string, address: Address): string => `${namespace}.${addressToken(address)}`;
export const keyOfSubject = (subject: string): string => subject.slice(prefix.length);

/** Resolves when it is stored. Throws `StoreFault`. */
export async function putRecord(
  link: Link,
  namespace: string,
  record: SuppressionRecord,
  now: number,
): Promise<void> {
  const text = record.text
    .replace(/\p{Cc}+/gu, " ")
    .slice(0, textMax)
    .toWellFormed();
  const ttl = `${Math.max(1, Math.ceil((record.until - now) / 1_000))}s`;
  await publish(link, subjectOf(namespace, record.address), JSON.stringify({ ...record, text }), ttl);
}

export const removeRecord = (link: Link, namespace: string, address: Address): Promise<void> =>
  publish(link, subjectOf(namespace, address), "", removalTtl);

export interface Listed {
  readonly namespace: string;
  readonly record: SuppressionRecord;
}

export interface ListedQuestion {
  /** Absent: every namespace that the link may see. */
  readonly namespace: string | undefined;
  readonly address?: Address | undefined;
  readonly after: number;
  readonly limit: number;
}

/** Records that are read for one page, whether they count or not, for each that may be on it. */
const readForEach = 20;

/** A page of what is on the lists, those that changed last at the end; one that changes meanwhile may come twice. */
export async function readSuppression(
  link: Link,
  { namespace = link.confined, address, after, limit }: ListedQuestion,
  now: number,
  log: Log,
): Promise<{ readonly found: readonly Listed[]; readonly after?: number }> {
  const found = new Map<string, Listed>();
  let read = 0;
  const take = ({ subject, data, forged }: TailMessage) => {
    const record = forged ? undefined : parseRecord(subject, data);
    const [, space = ""] = subject.split(".");
    if (record === undefined || record.until <= now) found.delete(subject);
    else found.set(subject, { namespace: space, record });
    return found.size < limit && ++read < limit * readForEach;
  };
  const filter = address === undefined ? filterOf(namespace) : `${prefix}${keyOf(namespace ?? "*", address)}`;
  const next = await readPage(link, { stream: SUPPRESSION_STREAM, filter, after, take, log });
  return { found: [...found.values()], ...(next === undefined ? {} : { after: next }) };
}

async function publish(link: Link, subject: string, text: string, ttl: string): Promise<void> {
  const head = headers();
  head.set("Nats-TTL", ttl);
  let answer: { readonly error?: ApiError };
  try {
    answer = (await link.nc.request(subject, text, { headers: head, timeout: 5_000 })).json();
  } catch (error) {
    throw new StoreFault("away", "no answer about the suppression list", error);
  }
  if (answer.error) throw faultOf(answer.error);
}

const reasons: ReadonlySet<unknown> = new Set(["bounce", "complaint", "operator"]);

/** `undefined`: a removal, none of ours, or it lies under another address's name. */
export function parseRecord(subject: string, data: Uint8Array): SuppressionRecord | undefined {
  if (data.length === 0) return undefined;
  try {
    const record = JSON.parse(Buffer.from(data).toString()) as Partial<SuppressionRecord>;
    const address = parseAddress(`${record.address}`);
    const sound =
      address !== undefined &&
      subject.endsWith(`.${addressToken(address)}`) &&
      reasons.has(record.by) &&
      [record.at, record.until].every(
        (time) => Number.isFinite(time) && Math.abs(time as number) < 8.64e15,
      ) &&
      (record.watched === undefined || Number.isSafeInteger(record.watched)) &&
      typeof record.text === "string";
    return sound ? (record as SuppressionRecord) : undefined;
  } catch {
    return undefined;
  }
}
