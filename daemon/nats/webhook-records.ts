/**
 * How webhooks lie in JetStream: stream `HOOKS`, `hooks.<namespace>.<hook>.<what>.<id>`, the last record of a subject counts.
 *
 * what:   `place` and `condition` (id `_`), `waiting`, `dead` and `again` (id of the event), and `lease` of the hook `_`.
 * Ends:   the dead after 30 days, what waits after a little more than the longest patience; an empty record says that it is
 *         gone.
 * Fails:  what is no record of ours is passed over.
 */
import { jetstreamManager } from "@nats-io/jetstream";
import type { Log } from "../kit/log.ts";
import type { Condition, Dead, Place, Remembered, Waiting } from "../webhooks/store.ts";
import type { Entry } from "./commit.ts";
import type { Link } from "./connect.ts";
import { base, ensure } from "./streams.ts";
import { Tail, type TailMessage } from "./tail.ts";

export const HOOK_STREAM = "HOOKS";
const prefix = "hooks.";
const usualBytes = 64 << 20;
const deadTtl = "2592000s";
const waitingTtl = "691200s";
const goneTtl = "600s";
const nothing = new Uint8Array();
/** An event tells what a stranger answered: with a long answer it still fits. */
const recordMax = 256 << 10;

export type What = "place" | "condition" | "waiting" | "dead" | "again" | "lease";

export async function ensureHooks(
  link: Link,
  { replicas, bytes }: { readonly replicas: number; readonly bytes: number | undefined },
): Promise<void> {
  const jsm = await jetstreamManager(link.nc, { timeout: 10_000 });
  await ensure(jsm, {
    ...base({ replicas }),
    name: HOOK_STREAM,
    subjects: [`${prefix}>`],
    max_bytes: bytes || usualBytes,
    max_msg_size: recordMax,
    subject_delete_marker_ttl: 60e9,
  });
}

export const hookSubject = (namespace: string, hook: string, what: What, id = "_"): string =>
  `${prefix}${namespace}.${hook}.${what}.${id}`;
/** One wildcard for each token: an exact count of tokens is what a permission names. */
export const hookSubjects = (namespace: string | undefined): string => `${prefix}${namespace ?? "*"}.*.*.*`;
export const leaseSubjects = (namespace: string | undefined): string =>
  hookSubject(namespace ?? "*", "_", "lease");

export interface HookSubject {
  readonly namespace: string;
  readonly hook: string;
  readonly what: What;
  readonly id: string;
}

export function parseHookSubject(subject: string): HookSubject {
  const [, namespace = "", hook = "", what = "", id = ""] = subject.split(".");
  return { namespace, hook, what: what as What, id };
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

export const put = <W extends Exclude<What, "lease">>(
  { namespace, hook }: Named,
  what: W,
  value: Value<W>,
  id = "_",
): Entry => {
  const ttl = what === "dead" ? deadTtl : what === "waiting" || what === "again" ? waitingTtl : undefined;
  const data = Buffer.from(JSON.stringify(value));
  return { subject: hookSubject(namespace, hook, what, id), data, ...(ttl === undefined ? {} : { ttl }) };
};

export const gone = ({ namespace, hook }: Named, what: What, id = "_"): Entry => ({
  subject: hookSubject(namespace, hook, what, id),
  data: nothing,
  // A place is written by compare-and-set, which must not miss what a TTL took away.
  ...(what === "place" ? {} : { ttl: goneTtl }),
});

export function parseRecord<T>(data: Uint8Array): T | undefined {
  try {
    const value = JSON.parse(Buffer.from(data).toString()) as unknown;
    return typeof value === "object" && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

/** What is remembered of the hooks of one namespace, or of all; by namespace and hook. */
export class HookShelf {
  readonly #hooks = new Map<string, Map<string, Shelved>>();

  hear({ subject, data, forged }: Pick<TailMessage, "subject" | "data" | "forged">): void {
    const { namespace, hook, what, id } = parseHookSubject(subject);
    if (forged || what === "lease") return;
    const shelved = this.#of(namespace, hook);
    const value = data.length === 0 ? undefined : parseRecord<never>(data);
    if (what === "place") shelved.place = value;
    else if (what === "condition") shelved.condition = value;
    else if (what in shelved.events) {
      const events = shelved.events[what as keyof Shelved["events"]];
      events.delete(id);
      if (value !== undefined) events.set(id, value);
    }
  }

  #of(namespace: string, hook: string): Shelved {
    const hooks = this.#hooks.get(namespace) ?? new Map<string, Shelved>();
    this.#hooks.set(namespace, hooks);
    const shelved = hooks.get(hook) ?? {
      place: undefined,
      condition: undefined,
      events: { waiting: new Map(), dead: new Map(), again: new Map() },
    };
    hooks.set(hook, shelved);
    return shelved;
  }

  *all(): Iterable<readonly [Named, Shelved]> {
    for (const [namespace, hooks] of this.#hooks)
      for (const [hook, shelved] of hooks) yield [{ namespace, hook }, shelved];
  }

  remembered(): ReadonlyMap<string, Remembered> {
    const found = new Map<string, Remembered>();
    for (const [{ hook }, { place, condition, events }] of this.all()) {
      const dead = [...events.dead].sort(([, a], [, b]) => a.at - b.at).map(([id]) => id);
      const waiting = new Map([...events.waiting, ...events.again]);
      const rest = { ...(place ? { place } : {}), ...(condition ? { condition } : {}) };
      if (place || condition || waiting.size > 0) found.set(hook, { ...rest, waiting, dead });
      else if (dead.length > 0) found.set(hook, { waiting, dead });
    }
    return found;
  }
}

export interface Shelved {
  place: Place | undefined;
  condition: Condition | undefined;
  readonly events: {
    readonly waiting: Map<string, Waiting>;
    readonly dead: Map<string, Dead>;
    readonly again: Map<string, Waiting>;
  };
}

/** Reads all of it once, for people. */
export async function readShelf(link: Link, namespace: string | undefined, log: Log): Promise<HookShelf> {
  const shelf = new HookShelf();
  const filters = [hookSubjects(namespace)];
  const onMessage = (message: TailMessage) => shelf.hear(message);
  await using tail = new Tail(link, { stream: HOOK_STREAM, filters, onMessage, log });
  await tail.start();
  await tail.caughtUp;
  return shelf;
}
