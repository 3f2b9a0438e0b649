/**
 * Sees a resource off: asks what is still queued, has it returned when it is time, and lets the resource go.
 *
 * In:     a resource under deletion, and what is queued for it.
 * Out:    how far it is, for a condition; `gone` when nothing holds it any more.
 * Fails:  never on account of the store: a store that is away counts as one that does not say.
 */
import { parseDuration } from "../../crds/quantities.ts";
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Events } from "../kube/port.ts";
import { type Departure, departure } from "./departure.ts";
import type { Backlog, QueueScope } from "./ports.ts";
import { keyOf } from "./resources.ts";

export interface Leaving {
  readonly policy: "Drain" | "Bounce" | "Orphan";
  /** A duration such as `1h`. */
  readonly timeout: string;
  /** `undefined`: nothing can be queued for it. */
  readonly scope: QueueScope | undefined;
  readonly namespaceLeaves: boolean;
  readonly closed: boolean;
}

export type DepartureState =
  | { readonly kind: "gone" }
  | {
      readonly kind: "leaving";
      readonly left: number | undefined;
      readonly returning: boolean;
      /** RFC 3339 */
      readonly until: string;
      readonly wakeMs: number;
    };

const patienceMs = 10_000;

export class Departures {
  readonly #backlog: Backlog;
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(parts: {
    readonly backlog: Backlog;
    readonly events: Events;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#backlog = parts.backlog;
    this.#events = parts.events;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  async see(object: KubeObject, leaving: Leaving, signal: AbortSignal): Promise<DepartureState> {
    const { policy, timeout, scope, namespaceLeaves, closed } = leaving;
    const left = scope === undefined || policy === "Orphan" ? 0 : await this.#count(object, scope, signal);
    const next = departure({
      policy,
      deleted: Date.parse(object.metadata.deletionTimestamp ?? ""),
      timeoutMs: parseDuration(timeout) ?? 0,
      now: this.#clock.now(),
      effective: scope !== undefined,
      namespaceLeaves,
      closed,
      left,
    });
    if (next.step === "go") return this.#go(object, policy, next);
    if (next.step === "return" && scope) await this.#return(object, scope, signal);
    const returning = next.step === "return" || policy === "Bounce";
    const until = new Date(next.until).toISOString();
    return { kind: "leaving", left, returning, until, wakeMs: next.step === "wait" ? next.ms : 2_000 };
  }

  #go(
    object: KubeObject,
    policy: Leaving["policy"],
    { abandoned }: Extract<Departure, { step: "go" }>,
  ): DepartureState {
    if (abandoned) {
      const words =
        abandoned.left === undefined
          ? "an unknown number of messages stays"
          : `${abandoned.left} messages stay`;
      const message = `the time for deletion is over; ${words} in the queue and will expire there`;
      this.#events.record(object, "Warning", "QueueAbandoned", message);
      this.#log.warn(
        { resource: keyOf(object), left: abandoned.left },
        "a resource went before its queue was empty",
      );
    } else if (policy !== "Orphan")
      this.#events.record(object, "Normal", "QueueEmpty", "nothing is queued any more; the resource goes");
    return { kind: "gone" };
  }

  async #count(object: KubeObject, scope: QueueScope, signal: AbortSignal): Promise<number | undefined> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    try {
      // A job that is being written at the very moment may be overlooked: nothing counts as nothing when seen twice.
      return (await this.#backlog.count(scope, limit)) || (await this.#backlog.count(scope, limit));
    } catch (error) {
      signal.throwIfAborted();
      this.#log.warn({ err: error, resource: keyOf(object) }, "what is queued cannot be counted now");
      return undefined;
    }
  }

  async #return(object: KubeObject, scope: QueueScope, signal: AbortSignal): Promise<void> {
    const reason = "The mail domain or way out that this message was queued for has been removed";
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(6 * patienceMs)]);
      const returned = await this.#backlog.bounce(scope, reason, limit);
      if (returned > 0)
        this.#events.record(
          object,
          "Normal",
          "QueueReturned",
          `${returned} messages go back to their senders`,
        );
    } catch (error) {
      signal.throwIfAborted();
      this.#log.warn({ err: error, resource: keyOf(object) }, "what is queued cannot be returned now");
    }
  }
}
