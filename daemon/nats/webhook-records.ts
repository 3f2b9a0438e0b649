/**
 * How webhooks lie in JetStream: `<stream's word>.<namespace>.<hook>.<what>.<id>`, the last record of a subject counts.
 *
 * `HOOKS`     `place` and `condition` of each hook (id `_`): small, as many as there are hooks.
 * `HOOKWAIT`  `waiting` and `again` (id of the event). Full, it refuses: then who failed keeps its place in the event stream.
 * `HOOKDEAD`  `dead` (id of the event). Full, the oldest leave, so that the dead are in nobody's way.
 * Shares:     of the latter two a namespace takes a bounded part (`share.ts`). Leases lie in none of them, but in `OWN`:
 *             whatever is left behind here, somebody looks after the hooks.
 * Ends:       the dead after 30 days, what waits after a little more than the longest patience; an empty record says that it is
 *             gone.
 * Fails:      what is no record of ours is passed over.
 */
import type { Condition, Dead, Place, Waiting } from "../webhooks/store.ts";
import type { Entry } from "./commit.ts";
import type { Link } from "./connect.ts";
import { managerOf } from "./insist.ts";
import { base, ensure } from "./streams.ts";

export const HOOK_STREAM = "HOOKS";
export const WAIT_STREAM = "HOOKWAIT";
export const DEAD_STREAM = "HOOKDEAD";
export const HOOK_STREAMS = [HOOK_STREAM, WAIT_STREAM, DEAD_STREAM] as const;
export type HookStream = (typeof HOOK_STREAMS)[number];

const usualBytes = 80 << 20;
/** Of what webhooks have altogether. */
const parts: Readonly<Record<HookStream, number>> = { HOOKS: 0.2, HOOKWAIT: 0.4, HOOKDEAD: 0.4 };
const deadTtl = 2_592_000;
const waitingTtl = 691_200;
const goneTtl = "600s";
/** That a dead letter is gone matters only to those who follow; while it is known it is counted. */
const goneDeadTtl = "60s";
const nothing = new Uint8Array();
/** An event tells what a stranger answered: with a long answer it still fits. */
const recordMax = 256 << 10;

export type What = "place" | "condition" | "waiting" | "dead" | "again";
/** What is about one event. */
export type Letter = Exclude<What, "place" | "condition">;
export const isLetter = (what: string): what is Letter =>
  what === "waiting" || what === "dead" || what === "again";

export const streamOf = (what: What): HookStream =>
  !isLetter(what) ? HOOK_STREAM : what === "dead" ? DEAD_STREAM : WAIT_STREAM;
const wordOf = (stream: HookStream): string => stream.toLowerCase();

/** Seconds. */
export const ttlOf = (what: Letter): number => (what === "dead" ? deadTtl : waitingTtl);

export async function ensureHookStreams(
  link: Link,
  { replicas, bytes }: { readonly replicas: number; readonly bytes: number | undefined },
): Promise<void> {
  const jsm = await managerOf(link);
  for (const name of HOOK_STREAMS)
    await ensure(jsm, {
      ...base({ replicas }),
      ...(name === DEAD_STREAM ? { discard: "old" } : {}),
      name,
      subjects: [`${wordOf(name)}.>`],
      max_bytes: Math.floor((bytes || usualBytes) * parts[name]),
      max_msg_size: recordMax,
      subject_delete_marker_ttl: 60e9,
    });
}

export const hookSubject = (namespace: string, hook: string, what: What, id = "_"): string =>
  `${wordOf(streamOf(what))}.${namespace}.${hook}.${what}.${id}`;
/** One wildcard for each token: an exact count of tokens is what a permission names. */
export const hookSubjects = (stream: HookStream, namespace: string | undefined): string =>
  `${wordOf(stream)}.${namespace ?? "*"}.*.*.*`;

/** Letters of one hook, or about one event; what is absent may be any. */
export const lettersOf = (
  stream: typeof WAIT_STREAM | typeof DEAD_STREAM,
  {
    namespace = "*",
    hook = "*",
    event = "*",
  }: {
    readonly namespace?: string | undefined;
    readonly hook?: string | undefined;
    readonly event?: string | undefined;
  },
): string => `${wordOf(stream)}.${namespace}.${hook}.*.${event}`;

export interface HookSubject {
  readonly namespace: string;
  readonly hook: string;
  readonly what: What;
  readonly id: string;
  /** Before it had a stream of its own, whatever is about an event lay in `HOOKS` (`hook-move.ts`). */
  readonly isFormer: boolean;
}

export function parseHookSubject(subject: string): HookSubject {
  const [word, namespace = "", hook = "", said = "", id = ""] = subject.split(".");
  const what = said as What;
  return { namespace, hook, what, id, isFormer: isLetter(what) && word !== wordOf(streamOf(what)) };
}

type Value<W extends What> = W extends "place"
  ? Place
  : W extends "condition"
    ? Condition
    : W extends "dead"
      ? Dead
      : Waiting;

export interface Named {
  readonly namespace: string;
  readonly hook: string;
}

export const put = <W extends What>(
  { namespace, hook }: Named,
  what: W,
  value: Value<W>,
  id = "_",
): Entry => {
  const data = Buffer.from(JSON.stringify(value));
  const ttl = isLetter(what) ? { ttl: `${ttlOf(what)}s` } : {};
  return { subject: hookSubject(namespace, hook, what, id), data, ...ttl };
};

export const gone = ({ namespace, hook }: Named, what: What, id = "_"): Entry =>
  goneAt(hookSubject(namespace, hook, what, id));

export const goneAt = (subject: string): Entry => {
  // A place is written by compare-and-set: that it is gone is known for as long as somebody may go on from it.
  const { what } = parseHookSubject(subject);
  const ttl = what === "place" ? `${deadTtl}s` : what === "dead" ? goneDeadTtl : goneTtl;
  return { subject, data: nothing, ttl };
};

export function parseRecord<T>(data: Uint8Array): T | undefined {
  try {
    const value = JSON.parse(Buffer.from(data).toString()) as unknown;
    return typeof value === "object" && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
