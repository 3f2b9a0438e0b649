/**
 * The port of what webhooks remember. `daemon/nats/webhooks` implements it.
 *
 * A hook has a *place*: up to which record of the event stream everything is done with. What failed lies beside it, event by
 * event: *waiting* for another attempt, or *dead*, until somebody has it sent again.
 */
import type { MessageEvent } from "../queue/message-event.ts";

/**
 * Where in the stream: behind a record; or, for a hook that is new, from a time on. `at`: when the newest record was stored that
 * was heard by then, ms since the epoch; a stream that has later ones up to `after` is another than it was.
 */
export type Place = { readonly after: number; readonly at?: number } | { readonly since: number };

export interface Waiting {
  readonly event: MessageEvent;
  readonly attempts: number;
  /** Of the first attempt, ms since the epoch. */
  readonly since: number;
  readonly next: number;
  /** Of the last attempt. */
  readonly why: string;
}

export interface Dead extends Omit<Waiting, "next"> {
  readonly at: number;
}

/** How the hook fares, for people: written when it changes. */
export type Condition =
  | { readonly is: "well"; readonly at: number }
  | { readonly is: "failing"; readonly at: number; readonly why: string }
  /** The receiver said 410 to the hook as it was then. */
  | { readonly is: "gone"; readonly at: number; readonly as: string };

export interface Remembered {
  readonly place?: Place;
  readonly condition?: Condition;
  readonly waiting: ReadonlyMap<string, Waiting>;
  /** Ids, the oldest first. */
  readonly dead: readonly string[];
}

/** Fails: every call rejects while the store is away. */
export interface HookBook {
  /** Rejects with `Usurped` when somebody else has written it. */
  setPlace(hook: string, place: Place): Promise<void>;
  setCondition(hook: string, condition: Condition): Promise<void>;
  /** `false`: there is no room for it, and it stays the caller's to remember. */
  putWaiting(hook: string, waiting: Waiting): Promise<boolean>;
  /** It was taken; whether it found room does not matter. */
  removeWaiting(hook: string, id: string): Promise<void>;
  /**
   * Moves it among the dead, and takes away those that are too many, of this hook or of all its namespace's; resolves to how
   * many went.
   */
  bury(hook: string, dead: Dead, tooMany: readonly string[]): Promise<number>;
}

/** Another daemon looks after the namespace's hooks now. */
export class Usurped extends Error {
  override readonly name = "Usurped";
}

/** A record of the stream: its events have its sequence, and were stored `at`, ms since the epoch. */
export type OnRecord = (sequence: number, events: readonly MessageEvent[], at: number) => void;

export interface Listener {
  readonly onRecord: OnRecord;
  /**
   * The stream was brought back from a copy: what was heard after the copy is in it no more, and from `next` on it holds what
   * was not heard. That is told now.
   */
  readonly onAnother: (next: number) => void;
}

export interface Reading extends AsyncDisposable {
  /** Resolves when all that was there has been told. */
  readonly caughtUp: Promise<void>;
}

export interface EventSource {
  read(namespace: string, from: Place, listener: Listener): Reading;
}
