/**
 * Orders to many jobs at once, such that nobody touches more than was looked at: a preview tells what an order would touch,
 * and the order names how many that may be.
 *
 * One call carries out at most `limit` edits, and says where to go on: the order of keys does not change by edits, so no
 * job is met twice and none is passed over.
 *
 * Fails: `TooMany` when more jobs fit than may be touched; `QueueError` when the store does not answer. What was changed by
 *        then stays changed.
 */
import type { JobKey } from "../queue/job.ts";
import { type EditFlags, editOf } from "./edit.ts";
import { type FoundJob, type JobReading, jobPage, type Wanted } from "./job-list.ts";
import { type EditResult, type Steering, steer } from "./steer.ts";

export const jobActions = ["retry", "hold", "release", "bounce", "route", "purge"] as const;
export type JobAction = (typeof jobActions)[number];

/** Jobs by name, or all that fit. */
export type Choice = { readonly keys: readonly JobKey[] } | Wanted;

export interface Preview {
  /** How many the order would touch; of records that were read, when `exact` is false. */
  readonly matching: number;
  /** False: only some of the records could be looked at. */
  readonly exact: boolean;
  /** Some of them. */
  readonly sample: readonly FoundJob[];
}

export class TooMany extends Error {
  override readonly name = "TooMany";
}

const SAMPLE = 5;
const PAGE = 1_000;

export async function previewOf(reading: JobReading, wanted: Wanted, signal: AbortSignal): Promise<Preview> {
  const byRecord = isByRecord(wanted);
  const limit = byRecord ? PAGE : SAMPLE;
  const { jobs, matching, after } = await jobPage(reading, wanted, { order: "key", limit }, signal);
  const sample = jobs.slice(0, SAMPLE);
  return byRecord
    ? { matching: jobs.length, exact: after === undefined, sample }
    : { matching, exact: true, sample };
}

export interface Order extends EditFlags {
  readonly action: JobAction;
  readonly choice: Choice;
  /** It is not begun when more jobs than this fit now. */
  readonly atMost: number;
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface OrderResult extends Readonly<Record<EditResult, number>> {
  /** What became of each job that was named. */
  readonly results?: readonly EditResult[];
  /** Where to go on; absent: all that fit were met. */
  readonly after?: string;
}

export async function carryOut(
  reading: JobReading,
  steering: Omit<Steering, "edit">,
  order: Order,
  signal: AbortSignal,
): Promise<OrderResult> {
  const { choice, action } = order;
  const edit = editOf(action, order);
  if (edit === undefined) throw new RangeError(`no order is called ${action}`);
  const { keys, after } =
    "keys" in choice ? { keys: choice.keys } : await chosen(reading, choice, order, signal);
  const counts = { changed: 0, gone: 0, busy: 0 };
  const results = await steer({ ...steering, edit }, keys, signal);
  for (const result of results) counts[result]++;
  return { ...counts, ...("keys" in choice ? { results } : {}), ...(after === undefined ? {} : { after }) };
}

interface Chosen {
  readonly keys: readonly JobKey[];
  readonly after?: string;
}

async function chosen(
  reading: JobReading,
  choice: Wanted,
  { atMost, after, limit }: Order,
  signal: AbortSignal,
): Promise<Chosen> {
  const page = isByRecord(choice)
    ? await byRecords(reading, choice, after, limit, signal)
    : await byIndex(reading, choice, after, limit, signal);
  // Behind a cursor it goes on with what was begun.
  if (after === undefined && page.fitting > atMost)
    throw new TooMany(`${page.fitting} jobs fit now, and at most ${atMost} were to be touched: look again.`);
  return page;
}

const isByRecord = ({ patterns }: Wanted): boolean =>
  Object.values(patterns).some((pattern) => pattern !== undefined);

async function byRecords(
  reading: JobReading,
  choice: Wanted,
  from: string | undefined,
  limit: number,
  signal: AbortSignal,
): Promise<Chosen & { readonly fitting: number }> {
  const { jobs, after } = await jobPage(reading, choice, { order: "key", after: from, limit }, signal);
  const keys = jobs.map(({ key }) => key);
  return { keys, fitting: keys.length, ...(after === undefined ? {} : { after }) };
}

async function byIndex(
  { index }: JobReading,
  { of }: Wanted,
  from: string | undefined,
  limit: number,
  signal: AbortSignal,
): Promise<Chosen & { readonly fitting: number }> {
  const cursor = from === undefined ? {} : { after: from };
  const { jobs, matching } = await index.page(of, { order: "key", limit, ...cursor }, signal);
  const after = jobs.length < limit ? undefined : jobs.at(-1)?.cursor;
  const keys = jobs.map(({ key }) => key);
  return { keys, fitting: matching, ...(after === undefined ? {} : { after }) };
}
