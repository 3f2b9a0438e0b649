/**
 * Webhooks for people: how each fares, the events that it was not told of, and orders to send those again or to forget them.
 *
 * In:     what resources declare, by the directory; what gateways wrote down of it, by the store.
 * Limits: of a hook's address the host alone is told: its path may hold a token.
 * Fails:  `CommandError` for a namespace that is not served here, and when more letters fit than may be touched; `StoreFault`.
 */
import { hooksOf } from "../directory/hook-index.ts";
import type { HookEntry } from "../directory/hooks.ts";
import { glob } from "../kit/glob.ts";
import { pageByName } from "../kit/page.ts";
import {
  type HookLetter,
  type HookState,
  LetterOrders,
  type LetterState,
  readCondition,
  readHookStates,
  readLetters,
} from "../nats/hook-letters.ts";
import type { Condition } from "../webhooks/store.ts";
import { CommandError } from "./command-error.ts";
import type { Installation } from "./installation.ts";
import { servedNamespace } from "./served-namespace.ts";

type Means = Pick<Installation, "link" | "live" | "namespace" | "clock" | "log">;

export interface HookLine {
  readonly namespace: string;
  readonly hook: string;
  /** Absent: no resource declares it any more; what it gave up is still kept. */
  readonly declared?: Pick<HookEntry, "scope" | "kinds"> & { readonly host: string };
  readonly condition: Condition | undefined;
  readonly waiting: number;
  readonly dead: number;
}

export interface HookPage {
  readonly hooks: readonly HookLine[];
  readonly matching: number;
}

export interface HooksAsked {
  readonly namespace?: string | undefined;
  /** A pattern with `*` over `namespace/hook`. */
  readonly match: string;
  readonly after: string;
  readonly limit: number;
}

const nothing: HookState = { condition: undefined, waiting: 0, dead: 0 };

const nameOf = ({ namespace, hook }: { readonly namespace: string; readonly hook: string }): string =>
  `${namespace}/${hook}`;

export async function hookPage(means: Means, { namespace, ...asked }: HooksAsked): Promise<HookPage> {
  const { link, live, log } = means;
  const of = servedNamespace(means, namespace);
  const states = await readHookStates(link, of, log);
  const lines = new Map<string, HookLine>();
  for (const [key, state] of states) {
    const [space = "", hook = ""] = key.split(" ");
    lines.set(key, { namespace: space, hook, ...state });
  }
  for (const entry of [...hooksOf(live.current()).values()].flat()) {
    if (of !== undefined && entry.namespace !== of) continue;
    const key = `${entry.namespace} ${entry.id}`;
    lines.set(key, lineOf(entry, states.get(key) ?? nothing));
  }
  const { page, matching } = pageByName(lines.values(), nameOf, { ...asked, fits: glob(asked.match) });
  return { hooks: page, matching };
}

const lineOf = ({ namespace, id, url, scope, kinds }: HookEntry, state: HookState): HookLine => ({
  namespace,
  hook: id,
  declared: { scope, kinds, host: new URL(url).host },
  ...state,
});

export interface LettersQuestion {
  readonly state: LetterState;
  readonly namespace?: string | undefined;
  readonly hook?: string | undefined;
  readonly event?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

export async function letterPage(
  means: Means,
  { namespace, after, ...asked }: LettersQuestion,
): Promise<{ readonly letters: readonly HookLetter[]; readonly after?: string }> {
  const place = /^\d{1,15}$/.test(after ?? "") ? Number(after) : 0;
  const question = { ...asked, namespace: servedNamespace(means, namespace), after: place };
  const page = await readLetters(means.link, question, means.log);
  return { letters: page.letters, ...(page.after === undefined ? {} : { after: `${page.after}` }) };
}

export const letterActions = ["again", "drop"] as const;

export interface LetterOrder {
  readonly action: (typeof letterActions)[number];
  readonly namespace: string;
  readonly hook: string;
  /** Ids; absent: everything that the hook gave up. */
  readonly events?: readonly string[] | undefined;
  /** Nothing is done when it is about more than this. */
  readonly atMost: number;
}

/** Orders under way at once: they share the store's commits. */
const AT_ONCE = 64;

/** `gone`: ids of which there is no letter any more. */
export async function orderLetters(
  means: Means,
  order: LetterOrder,
  signal: AbortSignal,
): Promise<{ readonly changed: number; readonly gone: number }> {
  const { action, events, atMost } = order;
  servedNamespace(means, order.namespace);
  if (action === "again") await mustBeCalled(means, order);
  const found = await chosen(means, order, signal);
  if (found.length > atMost)
    throw new CommandError(
      `${found.length} dead letters fit now, and at most ${atMost} were to be touched: look again`,
    );
  await using orders = new LetterOrders(means.link, means);
  for (let at = 0; at < found.length; at += AT_ONCE) {
    signal.throwIfAborted();
    await Promise.all(found.slice(at, at + AT_ONCE).map((letter) => orders[action](letter)));
  }
  return { changed: found.length, gone: new Set(events).size - (events === undefined ? 0 : found.length) };
}

/** What is sent again to a hook that is not called would wait, and be listed no more among what was given up. */
async function mustBeCalled(
  { link, live, log }: Means,
  { namespace, hook }: Pick<LetterOrder, "namespace" | "hook">,
): Promise<void> {
  const declared = hooksOf(live.current()).get(namespace) ?? [];
  if (!declared.some(({ id }) => id === hook))
    throw new CommandError(
      `no resource declares ${hook} in namespace ${namespace} any more: nobody would be told`,
    );
  const condition = await readCondition(link, { namespace, hook }, log);
  if (condition?.is === "gone")
    throw new CommandError(
      `the receiver of ${hook} said 410, and is not called: change the hook in its resource first, such as its url`,
    );
}

/** What waits is tried again by itself: only who names it has it sent at once. */
async function chosen(
  means: Means,
  { action, events, ...of }: LetterOrder,
  signal: AbortSignal,
): Promise<readonly HookLetter[]> {
  const wanted = events && new Set(events);
  const found = new Map<string, HookLetter>();
  const states: readonly LetterState[] = action === "again" && wanted ? ["waiting", "dead"] : ["dead"];
  for (const state of states)
    for await (const letter of everyLetter(means, { ...of, state }, signal))
      if (wanted?.has(letter.letter.event.id) ?? true) found.set(letter.letter.event.id, letter);
  return [...found.values()];
}

async function* everyLetter(
  means: Means,
  { namespace, hook, state }: Pick<LettersQuestion, "namespace" | "hook" | "state">,
  signal: AbortSignal,
): AsyncGenerator<HookLetter> {
  for (let after: string | undefined; ; ) {
    signal.throwIfAborted();
    const page = await letterPage(means, { namespace, hook, state, after, limit: 1_000 });
    yield* page.letters;
    after = page.after;
    if (after === undefined) return;
  }
}
