/**
 * What a stream holds under a filter, told by copies that are proven to know of a certain record.
 *
 * Who leads a stream answers for it. But a leader that was cut off does so for some seconds after the others have chosen
 * another, and while nobody leads every copy does, also one that lags behind: what was stored since is "not there" for them.
 * Whoever removes something because nothing refers to it must not believe that. So an answer counts only when it says that
 * its stream reaches the record: then all that was stored before it is told.
 *
 * In:     a filter; the sequence of a record of the stream that is durable.
 * Out:    the subjects of one moment, which lies behind that record, and the last record of each, of that moment or later.
 *         What is in the stream but is passed on from one subject to another meanwhile is noticed by `anyHolds`.
 * Fails:  `StoreFault`: `busy` when whoever answered does not know enough, or something changed while it was looked at.
 * Spec:   ADR-31 (`multi_last`): the page's end tells how far the copy has read.
 */
import type { Link } from "./connect.ts";
import { StoreFault } from "./fault.ts";
import { lastOf, type PageRecord } from "./mailbox/pages.ts";
import { streamInfo } from "./stream-info.ts";

export interface Under {
  readonly stream: string;
  readonly filter: string;
  /** The sequence of a record that whoever answers must know. */
  readonly since: number;
}

export type Asked = Pick<Link, "nc" | "inbox">;

/** Subjects of one request. */
const PAGE = 500;
const TIMEOUT_MS = 10_000;
/** Whoever wants to know whether something may go does not stop halfway. */
const calm = new AbortController().signal;

export interface Listed {
  /** Also those whose last record is empty. */
  readonly subjects: readonly string[];
  /** How far the stream reached at least when they were listed. */
  readonly reach: number;
}

export async function subjectsUnder(
  link: Pick<Link, "nc">,
  { stream, filter, since }: Under,
): Promise<Listed> {
  const subjects: string[] = [];
  let reach = Number.POSITIVE_INFINITY;
  for (;;) {
    const question = { subjects_filter: filter, offset: subjects.length };
    const { state, total = 0 } = await streamInfo(link, stream, TIMEOUT_MS, question);
    const last = state?.last_seq;
    if (last === undefined) throw new StoreFault("refused", "an answer without figures");
    if (last < since) throw behind(stream);
    reach = Math.min(reach, last);
    const page = Object.keys(state?.subjects ?? {});
    subjects.push(...page);
    if (page.length === 0 || subjects.length >= total) return { subjects, reach };
  }
}

/** The last record of each subject, also the empty ones; of the moment when the subjects were listed, or later. */
export async function* recordsSince(
  link: Asked,
  under: Under,
  signal: AbortSignal,
): AsyncIterable<PageRecord> {
  yield* recordsOf(link, under.stream, await subjectsUnder(link, under), signal);
}

async function* recordsOf(
  link: Asked,
  stream: string,
  { subjects, reach }: Listed,
  signal: AbortSignal,
): AsyncIterable<PageRecord> {
  for (let at = 0; at < subjects.length; at += PAGE) {
    const some = subjects.slice(at, at + PAGE);
    const { records, upTo } = await lastOf(link, stream, some, signal);
    if (upTo < reach) throw behind(stream);
    if (records.length < some.length) throw changed(stream);
    yield* records;
  }
}

/** Whether a subject under the filter, other than `but`, held something in one moment behind the record. */
export async function anyHolds(link: Asked, under: Under, but?: string): Promise<boolean> {
  const { stream } = under;
  const listed = await subjectsUnder(link, under);
  const subjects = listed.subjects.filter((subject) => subject !== but);
  let isChanged = false;
  for await (const { data, sequence } of recordsOf(link, stream, { ...listed, subjects }, calm)) {
    if (data.length > 0) return true;
    // It was emptied after the others were listed: what it held may lie under a subject that is not among them.
    if (sequence > listed.reach) isChanged = true;
  }
  if (isChanged) throw changed(stream);
  return false;
}

const behind = (stream: string) => new StoreFault("busy", `a copy of ${stream} answered that lags behind`);
const changed = (stream: string) => new StoreFault("busy", `${stream} changed while it was looked at`);
