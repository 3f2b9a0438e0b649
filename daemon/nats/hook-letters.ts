/**
 * Letters of webhooks for people: how many there are, pages of them, and orders about them.
 *
 * A letter is an event that a hook was not told of at once: it *waits* for another attempt, or is *dead*. Orders are records:
 * whoever looks after the namespace's hooks sees them and carries them out; while nobody does, they wait.
 *
 * Fails: `StoreFault`. What is no record of ours is passed over.
 */
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Condition, Dead, Waiting } from "../webhooks/store.ts";
import { GroupCommit } from "./commit.ts";
import type { Link } from "./connect.ts";
import { readPage } from "./stream-page.ts";
import { Tail, type TailMessage } from "./tail.ts";
import {
  DEAD_STREAM,
  gone,
  HOOK_STREAM,
  type HookStream,
  hookSubjects,
  isLetter,
  lettersOf,
  type Named,
  parseHookSubject,
  parseRecord,
  put,
  WAIT_STREAM,
} from "./webhook-records.ts";

/** How a hook fares, as far as anything was ever written of it. */
export interface HookState {
  condition: Condition | undefined;
  waiting: number;
  dead: number;
}

/** By namespace and hook, a blank between. */
export async function readHookStates(
  link: Link,
  namespace: string | undefined,
  log: Log,
): Promise<ReadonlyMap<string, HookState>> {
  const states = new Map<string, HookState>();
  const of = ({ namespace: space, hook }: Named): HookState => {
    const key = `${space} ${hook}`;
    const state = states.get(key) ?? { condition: undefined, waiting: 0, dead: 0 };
    states.set(key, state);
    return state;
  };
  for (const one of (await readConditions(link, namespace, log)).values()) of(one).condition = one.condition;
  for (const stream of [WAIT_STREAM, DEAD_STREAM] as const)
    for (const named of await letterNames(link, { stream, namespace, log }))
      of(named)[named.what === "dead" ? "dead" : "waiting"]++;
  return states;
}

/** Of each hook that somebody looked after, by namespace and hook; nothing was written yet of how a new one fares. */
async function readConditions(
  link: Link,
  namespace: string | undefined,
  log: Log,
): Promise<ReadonlyMap<string, Named & { condition: Condition | undefined }>> {
  const found = new Map<string, Named & { condition: Condition | undefined }>();
  await hearLast(link, { stream: HOOK_STREAM, namespace, log }, ({ subject, data }) => {
    const { namespace: space, hook, what } = parseHookSubject(subject);
    if (data.length === 0 || isLetter(what)) return;
    const one = found.get(`${space} ${hook}`) ?? { namespace: space, hook, condition: undefined };
    found.set(`${space} ${hook}`, one);
    if (what === "condition") one.condition = parseRecord<Condition>(data);
  });
  return found;
}

export const readCondition = async (
  link: Link,
  { namespace, hook }: Named,
  log: Log,
): Promise<Condition | undefined> =>
  (await readConditions(link, namespace, log)).get(`${namespace} ${hook}`)?.condition;

interface Which {
  readonly stream: HookStream;
  readonly namespace: string | undefined;
  readonly log: Log;
}

/** Of which events there are letters, without reading these: a namespace may have thousands, of some kilobytes each. */
async function letterNames(link: Link, which: Which) {
  const seen = new Map<string, ReturnType<typeof parseHookSubject>>();
  await hearLast(link, { ...which, headsOnly: true }, ({ subject, header }) => {
    const named = parseHookSubject(subject);
    const key = `${named.namespace} ${named.hook} ${named.id}`;
    // What waits and is ordered to be sent at once is one letter.
    if (isLetter(named.what) && !named.isFormer && Number(header("Nats-Msg-Size")) > 0) seen.set(key, named);
  });
  return seen.values();
}

/** The last record of each subject, once. */
async function hearLast(
  link: Link,
  { stream, namespace, log, headsOnly = false }: Which & { readonly headsOnly?: boolean },
  hear: (message: TailMessage) => void,
): Promise<void> {
  const filters = [hookSubjects(stream, namespace ?? link.confined)];
  const onMessage = (message: TailMessage) => {
    if (!message.forged) hear(message);
  };
  await using tail = new Tail(link, { stream, filters, onMessage, log, headsOnly });
  await tail.start();
  await tail.caughtUp;
}

export type LetterState = "waiting" | "dead";

/** One letter, as it lies there. */
export type HookLetter = Named &
  (
    | { readonly state: "waiting"; readonly letter: Waiting }
    | { readonly state: "dead"; readonly letter: Dead }
  );

export interface LettersAsked {
  readonly state: LetterState;
  /** Absent: every one that the link may see. */
  readonly namespace?: string | undefined;
  readonly hook?: string | undefined;
  /** The event's id. */
  readonly event?: string | undefined;
  readonly after: number;
  readonly limit: number;
}

/** What one page may weigh: an event tells what strangers answered, which may be long. */
const pageOctets = 1 << 20;

/** A page of letters, the oldest first; one that changes meanwhile may come twice. */
export async function readLetters(
  link: Link,
  { state, after, limit, ...asked }: LettersAsked,
  log: Log,
): Promise<{ readonly letters: readonly HookLetter[]; readonly after?: number }> {
  const found = new Map<string, HookLetter>();
  let octets = 0;
  const take = ({ subject, data, forged }: TailMessage) => {
    const { id, isFormer, namespace, hook } = parseHookSubject(subject);
    const letter = forged || isFormer ? undefined : parseRecord<Waiting & Dead>(data);
    if (letter?.event?.id === id) found.set(subject, { namespace, hook, state, letter });
    else if (data.length === 0) found.delete(subject);
    octets += data.length;
    return found.size < limit && octets < pageOctets;
  };
  const stream = state === "dead" ? DEAD_STREAM : WAIT_STREAM;
  const filter = lettersOf(stream, { ...asked, namespace: asked.namespace ?? link.confined });
  const next = await readPage(link, { stream, filter, after, take, log });
  return { letters: onceEach(found.values()), ...(next === undefined ? {} : { after: next }) };
}

/** What waits and is ordered to be sent at once lies in two records, and is one letter. */
const onceEach = (letters: Iterable<HookLetter>): readonly HookLetter[] => [
  ...new Map(
    Array.from(letters, (one) => [`${one.namespace} ${one.hook} ${one.letter.event.id}`, one] as const),
  ).values(),
];

/** Writes orders about letters; many at once share the store's commits. */
export class LetterOrders implements AsyncDisposable {
  readonly #waits: GroupCommit;
  readonly #deads: GroupCommit;
  readonly #now: () => number;

  constructor(link: Link, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    const open = (stream: HookStream) => new GroupCommit(link, { stream, clock, log });
    this.#waits = open(WAIT_STREAM);
    this.#deads = open(DEAD_STREAM);
    this.#now = () => clock.now();
  }

  /** Sends it once more: a dead letter as if it were new, one that waits without waiting on. */
  async again(found: HookLetter): Promise<void> {
    const now = this.#now();
    const { event, why } = found.letter;
    const waiting: Waiting =
      found.state === "dead"
        ? { event, attempts: 0, since: now, next: now, why }
        : { ...found.letter, next: now };
    // The order first: cut short in between, it is carried out and still listed.
    await this.#waits.commit([put(found, "again", waiting, event.id)]);
    if (found.state === "dead") await this.drop(found);
  }

  /** Forgets a dead letter. */
  async drop(found: HookLetter): Promise<void> {
    await this.#deads.commit([gone(found, "dead", found.letter.event.id)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#waits.settled(), this.#deads.settled()]);
  }
}
