/**
 * How webhooks fare, by what the gateways write down of them.
 *
 * Out:    conditions as they are now, followed; of dead letters only how many there are, as the server counts them (one that was
 *         taken away counts for another two minutes).
 * Fails:  `StoreFault` while the letters cannot be counted.
 */
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { Log } from "../kit/log.ts";
import type { Condition } from "../webhooks/store.ts";
import type { Link } from "./connect.ts";
import { StoreFault } from "./fault.ts";
import { Tail, type TailMessage } from "./tail.ts";
import { DEAD_STREAM, HOOK_STREAM, hookSubject, parseHookSubject, parseRecord } from "./webhook-records.ts";

export class HookConditions implements AsyncDisposable {
  readonly #link: Link;
  readonly #tail: Tail;
  readonly #conditions = new Map<string, Condition>();
  #manager: JetStreamManager | undefined;
  /** As it was counted last, and when that was: the stream's last sequence. */
  #counted: { readonly dead: ReadonlyMap<string, number>; readonly at: string } = { dead: new Map(), at: "" };

  constructor(link: Link, log: Log) {
    this.#link = link;
    const filters = [hookSubject("*", "*", "condition", "*")];
    const onMessage = (message: TailMessage) => this.#hear(message);
    const onAnother = () => this.#conditions.clear();
    this.#tail = new Tail(link, { stream: HOOK_STREAM, filters, onMessage, onAnother, log });
  }

  async open(): Promise<this> {
    await this.#tail.start();
    await this.#tail.caughtUp;
    return this;
  }

  /** By `namespace/hook`. */
  async hooks(signal: AbortSignal): Promise<{
    readonly conditions: ReadonlyMap<string, Condition>;
    readonly dead: ReadonlyMap<string, number>;
  }> {
    const dead = await this.#countDead();
    signal.throwIfAborted();
    return { conditions: this.#conditions, dead };
  }

  #hear({ subject, data, forged }: TailMessage): void {
    const key = keyOf(subject);
    if (forged) return;
    const condition = data.length === 0 ? undefined : parseRecord<Condition>(data);
    if (condition === undefined) this.#conditions.delete(key);
    else this.#conditions.set(key, condition);
  }

  async #countDead(): Promise<ReadonlyMap<string, number>> {
    try {
      this.#manager ??= await jetstreamManager(this.#link.nc, { timeout: 10_000 });
      const { state } = await this.#manager.streams.info(DEAD_STREAM);
      const at = `${state.first_seq} ${state.last_seq} ${state.messages}`;
      if (this.#counted.at === at) return this.#counted.dead;
      const subjects_filter = hookSubject("*", "*", "dead", "*");
      const info = await this.#manager.streams.info(DEAD_STREAM, { subjects_filter });
      const dead = new Map<string, number>();
      for (const subject of Object.keys(info.state.subjects ?? {}))
        dead.set(keyOf(subject), (dead.get(keyOf(subject)) ?? 0) + 1);
      this.#counted = { dead, at };
      return dead;
    } catch (error) {
      throw new StoreFault("away", "dead letters of webhooks cannot be counted", error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#tail[Symbol.asyncDispose]();
  }
}

function keyOf(subject: string): string {
  const { namespace, hook } = parseHookSubject(subject);
  return `${namespace}/${hook}`;
}
