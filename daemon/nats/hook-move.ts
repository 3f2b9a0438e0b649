/**
 * Moves letters of webhooks to the streams where they lie now: before, all of it lay in `HOOKS`, where the dead of one namespace
 * could take the room of everybody's leases.
 *
 * In:     a namespace, whose lease the caller holds; or none: of all, by who may write all.
 * Out:    what was moved is gone from `HOOKS`; its end stays when it was. It may be repeated, and be cut short anywhere: a
 *         letter is written where it belongs before it is taken away.
 * Beside: a daemon of a version before may write there meanwhile; whoever opens the namespace's book next moves that, too.
 * Fails:  `StoreFault` when `HOOKS` cannot be read. A letter that finds no room stays for the next time.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { Conflict } from "./fault.ts";
import { Tail, type TailMessage } from "./tail.ts";
import {
  DEAD_STREAM,
  goneAt,
  HOOK_STREAM,
  hookSubject,
  hookSubjects,
  type Letter,
  parseHookSubject,
  streamOf,
  ttlOf,
  WAIT_STREAM,
} from "./webhook-records.ts";

export interface MoveOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Who holds no lease moves the dead only: what waits may be under way. */
  readonly only?: Letter;
}

type Former = Pick<TailMessage, "subject" | "data" | "sequence" | "time">;

const atOnce = 100;

export async function moveLetters(
  link: Link,
  namespace: string | undefined,
  { clock, log, only }: MoveOptions,
): Promise<void> {
  const found = await formerOf(link, namespace, only, log);
  if (found.length === 0) return;
  const open = (stream: string) => new GroupCommit(link, { stream, clock, log });
  const to = { [WAIT_STREAM]: open(WAIT_STREAM), [DEAD_STREAM]: open(DEAD_STREAM) };
  const from = open(HOOK_STREAM);
  let left = 0;
  const move = async (letter: Former) => {
    const { what } = parseHookSubject(letter.subject);
    await put(to[streamOf(what) as keyof typeof to], letter, clock.now());
    await unlessThere(from.commit([{ ...goneAt(letter.subject), expect: letter.sequence }]));
  };
  for (let at = 0; at < found.length; at += atOnce) {
    const moved = await Promise.allSettled(found.slice(at, at + atOnce).map(move));
    left += moved.filter(({ status }) => status === "rejected").length;
  }
  log.info({ letters: found.length - left, left }, "what webhooks keep was moved to streams of its own");
}

async function formerOf(
  link: Link,
  namespace: string | undefined,
  only: Letter | undefined,
  log: Log,
): Promise<readonly Former[]> {
  const found: Former[] = [];
  const onMessage = ({ subject, data, sequence, time, forged }: TailMessage) => {
    const { isFormer, what } = parseHookSubject(subject);
    const isWanted = isFormer && (only === undefined || what === only);
    if (isWanted && !forged && data.length > 0) found.push({ subject, data, sequence, time });
  };
  const filters = [hookSubjects(HOOK_STREAM, namespace)];
  await using tail = new Tail(link, { stream: HOOK_STREAM, filters, onMessage, log });
  await tail.start();
  await tail.caughtUp;
  return found;
}

/** What is there by now is newer. */
function put(commit: GroupCommit, { subject, data, time }: Former, now: number): Promise<void> {
  const { namespace, hook, what, id } = parseHookSubject(subject);
  const left = ttlOf(what as Letter) - (now - time) / 1_000;
  const ttl = `${Math.max(1, Math.ceil(left))}s`;
  return unlessThere(
    commit.commit([{ subject: hookSubject(namespace, hook, what, id), data, ttl, expect: 0 }]),
  );
}

async function unlessThere(written: Promise<number>): Promise<void> {
  try {
    await written;
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
  }
}
