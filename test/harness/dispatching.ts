/** The dispatcher over the memory queue, with ways out that a test scripts. */
import type { TestContext } from "node:test";
import type { Carrier, Gate, Opened, Wayfinder } from "../../daemon/deliver/carrier.ts";
import { Dispatcher, type DispatcherOptions } from "../../daemon/deliver/dispatch.ts";
import { systemClock } from "../../daemon/kit/clock.ts";
import { silent } from "../../daemon/kit/log.ts";
import type { Domain } from "../../daemon/mail/address.ts";
import type { Advice } from "../../daemon/mail/bounce/advice.ts";
import type { Outcome } from "../../daemon/mail/outcome.ts";
import { reply } from "../../daemon/mail/reply.ts";
import type { Queued } from "../../daemon/queue/job.ts";
import { MemoryQueue } from "../../daemon/queue/memory.ts";
import type { NewJob } from "../../daemon/queue/queue.ts";
import { draft, inline } from "../contract/queue.ts";

export const delivered: Outcome = { kind: "delivered", reply: reply(250, "2.0.0", "ok"), how: "relayed" };
export const refused = { kind: "refused", reply: reply(451, "4.4.1", "nobody there") } as const;

/** A gate that counts; in back-off from the first failure on when told so. */
export class CountingGate implements Gate {
  open = 0;
  most = 0;
  down = false;
  worked = false;
  readonly max: number;
  readonly pauses: boolean;
  constructor(max: number, pauses = false) {
    this.max = max;
    this.pauses = pauses;
  }
  mayConnect = (now: number) => !this.down && this.open < this.max && this.maySend(now);
  /** Nothing goes, though it does not say for how long. */
  stuck = false;
  maySend = (now: number): boolean => !this.stuck && this.askedToWait(now) === undefined;
  nextChange = (now: number): number | undefined => this.askedToWait(now);
  take() {
    this.open++;
    this.most = Math.max(this.most, this.open);
  }
  release() {
    this.open--;
  }
  sent() {}
  went(how: "well" | "badly") {
    this.down = this.pauses && how === "badly";
    this.worked = how === "well";
  }
  quietUntil: number | undefined;
  asks: Advice[] = [];
  asked(advice: Advice, now: number) {
    this.asks.push(advice);
    if (advice.kind === "slower") this.quietUntil = now + (advice.waitMs ?? 30);
  }
  isSlowed = () => this.asks.length > 0;
  askedToWait = (now: number) =>
    this.quietUntil !== undefined && now < this.quietUntil ? this.quietUntil : undefined;
  backOff = (now: number) => (this.down ? now + 60_000 : undefined);
  suspended = false;
  isSuspended = () => this.suspended;
  heard() {}
  hurry() {
    this.down = false;
  }
}

/** A way per destination; what it does with a job is the script's. */
export class Ways implements Wayfinder {
  readonly gates = new Map<string, CountingGate>();
  readonly opened: string[] = [];
  readonly carried: Queued[] = [];
  max = 1;
  pauses = false;
  lookUps = 0;
  open = async (destination: string): Promise<Opened> => ({
    kind: "open",
    carrier: this.carrier(destination),
  });
  carry = async (queued: Queued): Promise<readonly Outcome[] | "stale"> =>
    queued.job.recipients.map(() => delivered);

  carrier(_destination: string): Carrier {
    return {
      carry: (queued) => {
        this.carried.push(queued);
        return this.carry(queued);
      },
      reusable: true,
      close: async () => {},
    };
  }

  /** Where a destination leads that is no site of its own. */
  readonly moved = new Map<string, string>();

  isSuspended: Wayfinder["isSuspended"] = ({ job }) =>
    this.gates.get(this.#siteOf(job.destination))?.suspended ?? false;

  #siteOf(destination: string): string {
    return this.moved.get(destination) ?? destination;
  }

  find: Wayfinder["find"] = async ({ job }) => {
    this.lookUps++;
    const destination = this.#siteOf(job.destination);
    const gate = this.gates.get(destination) ?? new CountingGate(this.max, this.pauses);
    this.gates.set(destination, gate);
    const open = () => {
      this.opened.push(destination);
      return this.open(destination);
    };
    return { kind: "lane", lane: destination, gate, open };
  };
}

export interface Setup {
  readonly queue: MemoryQueue;
  readonly ways: Ways;
  readonly finished: { readonly queued: Queued; readonly outcomes: readonly Outcome[] }[];
  readonly dispatcher: Dispatcher;
  readonly accept: (over?: Partial<NewJob>) => Promise<NewJob>;
  /** Resolves when `ready` holds; asked after each settlement. */
  readonly until: (ready: () => boolean) => Promise<void>;
}

export async function setup(
  t: TestContext,
  over: Partial<DispatcherOptions> = {},
  ways = new Ways(),
): Promise<Setup> {
  const queue = new MemoryQueue(systemClock);
  const finished: Setup["finished"] = [];
  const stop = new AbortController();
  let wake = () => {};
  const dispatcher = new Dispatcher({
    queue,
    wayfinder: ways,
    finisher: {
      async finish(queued, outcomes) {
        const again = outcomes.some((o) => o.kind === "deferred");
        const next = again ? { ...queued.job, nextAttempt: Date.now() + 60_000 } : undefined;
        await queue.settle({ key: queued.key, revision: queued.revision, next, also: [] });
        finished.push({ queued, outcomes });
        setImmediate(() => wake());
        return next?.nextAttempt;
      },
    },
    clock: systemClock,
    log: silent,
    signal: stop.signal,
    mayStart: () => true,
    paused: () => false,
    expiresAt: (job) => job.queuedAt + 86_400_000,
    lingerMs: 600_000, // a machine that is busy must not end a connection that a test counts on
    graceMs: 5_000,
    ...over,
  });
  const owner = await queue.own({ class: "relay" }, dispatcher);
  t.after(async () => {
    stop.abort();
    await owner.release();
  });
  const accept = async (given: Partial<NewJob> = {}) => {
    const job = draft(given);
    await queue.accept({ jobs: [job], body: inline("text") }, t.signal);
    return job;
  };
  const until = async (ready: () => boolean) => {
    while (!ready())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { queue, ways, finished, dispatcher, accept, until };
}

export const destination = (name: string) => ({ destination: name as Domain });
/** What hangs is found; a machine that stands still for a while is not what is looked for. */
export const quick = { timeout: 120_000 };
