/**
 * What is remembered of webhooks, as it comes from their streams.
 *
 * In:     records of the three streams, in any order between streams.
 * Out:    the last word on each hook; a letter that lies where it lay formerly is passed over until it was moved.
 */
import type { Log } from "../kit/log.ts";
import type { Condition, Dead, Place, Remembered, Waiting } from "../webhooks/store.ts";
import type { Link } from "./connect.ts";
import { Tail, type TailMessage } from "./tail.ts";
import {
  HOOK_STREAMS,
  hookSubjects,
  isLetter,
  type Named,
  parseHookSubject,
  parseRecord,
} from "./webhook-records.ts";

/** What is remembered of the hooks of one namespace, or of all; by namespace and hook. */
export class HookShelf {
  readonly #hooks = new Map<string, Map<string, Shelved>>();

  hear({ subject, data, forged }: Pick<TailMessage, "subject" | "data" | "forged">): void {
    const { namespace, hook, what, id, isFormer } = parseHookSubject(subject);
    const isOurs = what === "place" || what === "condition" || isLetter(what);
    if (forged || isFormer || !isOurs) return;
    const shelved = this.#of(namespace, hook);
    const value = data.length === 0 ? undefined : parseRecord<never>(data);
    if (what === "place") shelved.place = value;
    else if (what === "condition") shelved.condition = value;
    else {
      shelved.events[what].delete(id);
      if (value !== undefined) shelved.events[what].set(id, value);
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

/** Follows all three streams; resolves when what was there has been heard. */
export async function followHooks(
  link: Link,
  namespace: string | undefined,
  onMessage: (message: TailMessage) => void,
  log: Log,
): Promise<AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  for (const stream of HOOK_STREAMS) {
    const filters = [hookSubjects(stream, namespace)];
    const tail = parts.use(new Tail(link, { stream, filters, onMessage, log }));
    await tail.start();
    await tail.caughtUp;
  }
  return parts.move();
}
