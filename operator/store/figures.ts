/**
 * How much work a policy has, as its relays tell it; and from the queue itself while none of them lives.
 *
 * Fails:  `of` never: `undefined` when somebody did not answer, since figures without him are too small.
 */
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import type { Link } from "../../daemon/nats/connect.ts";
import { askFigures, dueAt } from "../../daemon/nats/figures.ts";
import type { PolicyName } from "../../daemon/queue/job.ts";
import type { Figures, PolicyFigures } from "../reconcile/ports.ts";

export class AskedFigures implements Figures {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(link: Link, clock: Clock, log: Log) {
    this.#link = link;
    this.#clock = clock;
    this.#log = log;
  }

  async of(policy: string, pods: readonly string[], signal: AbortSignal): Promise<PolicyFigures | undefined> {
    const pool = { class: "relay", policy: policy as PolicyName } as const;
    const { figures, missing } = await askFigures({ link: this.#link, pool, pods, signal });
    if (missing.length > 0 || figures.length === 0) return undefined;
    const oldest = Math.max(...figures.map(({ oldestDueMs }) => oldestDueMs));
    return {
      due: figures.reduce((sum, { due }) => sum + due, 0),
      deferred: figures.reduce((sum, { deferred }) => sum + deferred, 0),
      ...(oldest > 0 ? { oldestDue: this.#clock.now() - oldest } : {}),
      members: figures.map(({ pod = "", due, sessions }) => ({ pod, due, sessions })),
    };
  }

  async nextAttempt(policy: string, signal: AbortSignal): Promise<number | undefined> {
    signal.throwIfAborted();
    return (await dueAt(this.#link, policy as PolicyName, this.#clock.now(), this.#log)).earliest;
  }
}
