/**
 * Which webhooks fail for long, and how many dead letters they left: looked at three times a minute, and told when that is
 * otherwise than before, in figures that seldom change.
 *
 * In:     what the gateways write down.
 * Out:    `of(namespace/hook)`: what was found last; `onChange` for all that are found otherwise.
 * Long:   five minutes. Until then a receiver may be restarting, and a status would be written twice for nothing.
 * Fails:  never: while the store is away what was found last stays.
 */
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { Trouble } from "../../daemon/kit/trouble.ts";
import { oneLine } from "../../daemon/mail/text.ts";
import { coarse, coarseTime } from "../status/coarse.ts";
import type { HookCondition, HookRecords, HookState } from "./ports.ts";

export interface HookWatchOptions {
  readonly store: HookRecords;
  readonly clock: Clock;
  readonly log: Log;
  readonly onChange: (hooks: ReadonlySet<string>) => void;
  readonly lookMs?: number;
}

const longMs = 300_000;
const whyMax = 200;

export class HookWatch implements AsyncDisposable {
  readonly #options: HookWatchOptions;
  readonly #stop = new AbortController();
  readonly #trouble: Trouble;
  #looking: Promise<void> = Promise.resolve();
  #found: ReadonlyMap<string, HookState> = new Map();

  constructor(options: HookWatchOptions) {
    this.#options = options;
    this.#trouble = new Trouble(
      options.log,
      "how webhooks fare cannot be asked: statuses keep what was known",
      "how webhooks fare is known again",
    );
  }

  /** Resolves when it has looked once, so that nobody is told for a moment that all is well. */
  async open(): Promise<this> {
    await this.#tryToLook();
    this.#looking = this.#lookForEver();
    return this;
  }

  of(hook: string): HookState | undefined {
    return this.#found.get(hook);
  }

  async #lookForEver(): Promise<void> {
    const { clock, lookMs = 20_000 } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(lookMs, signal).catch(() => {});
      await this.#tryToLook();
    }
  }

  async #tryToLook(): Promise<void> {
    const { signal } = this.#stop;
    try {
      if (signal.aborted) return;
      await this.#look(signal);
      this.#trouble.succeeded();
    } catch (error) {
      if (!signal.aborted) this.#trouble.failed({ err: error });
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { store, clock, onChange } = this.#options;
    const { conditions, dead } = await store.hooks(signal);
    const found = new Map<string, HookState>();
    for (const hook of new Set([...conditions.keys(), ...dead.keys()])) {
      const state = stateOf(conditions.get(hook), dead.get(hook) ?? 0, clock.now());
      if (state) found.set(hook, state);
    }
    const before = this.#found;
    this.#found = found;
    const isOther = (hook: string) => JSON.stringify(before.get(hook)) !== JSON.stringify(found.get(hook));
    const others = [...new Set([...before.keys(), ...found.keys()])].filter(isOther);
    if (others.length > 0) onChange(new Set(others));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }
}

/** `undefined`: there is nothing to say. */
function stateOf(condition: HookCondition | undefined, letters: number, now: number): HookState | undefined {
  const dead = coarse(letters);
  const trouble = troubleOf(condition, now);
  return trouble === undefined && dead === 0 ? undefined : { dead, ...(trouble ? { trouble } : {}) };
}

function troubleOf(condition: HookCondition | undefined, now: number): HookState["trouble"] {
  if (condition === undefined || condition.is === "well") return undefined;
  const since = coarseTime(condition.at);
  if (condition.is === "gone") return { is: "gone", since };
  if (now - condition.at < longMs) return undefined;
  return { is: "failing", since, why: oneLine(condition.why, whyMax) };
}
