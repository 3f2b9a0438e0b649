/**
 * From a route to a way: which lane a target's jobs wait in, and how its connections are opened.
 *
 * In:     targets of the dispatcher; routes (from memory when they are known).
 * Out:    ways. Local mail has a lane of its own whose "connections" are workers in this process.
 */
import type { LiveDirectory } from "../directory/directory.ts";
import type { Carrier, Gate, Target, Way, Wayfinder } from "./carrier.ts";
import { type Identity, openRemote, type RemoteMeans } from "./remote.ts";
import type { Routes } from "./route/cache.ts";
import type { NextHops, Route } from "./route/types.ts";
import { tellLost } from "./tls-watch.ts";

/**
 * Files a job's message into mailboxes here; one outcome per recipient. `stale`: nothing was done, and the job's record
 * says more.
 */
export type DeliverLocally = Carrier["carry"];

export interface WaysOptions {
  readonly routes: Pick<Routes, "known" | "find">;
  readonly directory: LiveDirectory;
  readonly local: DeliverLocally;
  /** Replaces a recipient whose domain has come to be forwarded since it was accepted. */
  readonly forward: DeliverLocally;
  /** The gate of a site, made when it is first needed. */
  readonly gate: (next: Pick<NextHops, "site" | "limits" | "policy">) => Gate;
  readonly remote: RemoteMeans;
  readonly hostname: string;
}

/** Local jobs under way at once. */
const LOCAL_WORKERS = 64;

export class Ways implements Wayfinder {
  readonly #o: WaysOptions;
  readonly #local: Gate;
  #turn = 0;

  constructor(options: WaysOptions) {
    this.#o = options;
    this.#local = freely(LOCAL_WORKERS);
  }

  find(target: Target, signal: AbortSignal): Way | Promise<Way> {
    const known = this.#o.routes.known(target.job);
    if (known) return this.#way(target, known);
    return this.#o.routes.find(target.job, signal).then((route) => this.#way(target, route));
  }

  isSuspended({ job }: Target, signal: AbortSignal): boolean | Promise<boolean> {
    const known = this.#o.routes.known(job);
    if (known) return this.#isSuspended(known);
    return this.#o.routes.find(job, signal).then((route) => this.#isSuspended(route));
  }

  #isSuspended(route: Route): boolean {
    switch (route.kind) {
      case "lmtp":
      case "smtp":
        return this.#o.gate(route.next).isSuspended();
      case "deferred":
        return true;
      case "local":
      case "forward":
      case "failed":
        return false;
    }
  }

  #way(target: Target, route: Route): Way {
    switch (route.kind) {
      case "local":
        return this.#here("local", this.#o.local);
      case "forward":
        return this.#here("forward", this.#o.forward);
      case "lmtp":
        return this.#out(target, route.next, true);
      case "smtp":
        return this.#out(target, route.next, false);
      case "deferred":
        if (route.watch && this.#o.remote.tell) tellLost(route.watch, this.#o.remote.tell);
        return { kind: "none", outcome: { kind: route.kind, reply: route.reply } };
      case "failed":
        return { kind: "none", outcome: { kind: route.kind, reply: route.reply } };
    }
  }

  #here(lane: string, deliver: DeliverLocally): Way {
    const carrier: Carrier = { carry: deliver, reusable: true, close: async () => {} };
    const open = async () => ({ kind: "open", carrier }) as const;
    return { kind: "lane", lane, gate: this.#local, open };
  }

  #out(target: Target, next: NextHops, lmtp: boolean): Way {
    const open = (signal: AbortSignal) =>
      openRemote(next, lmtp, this.#identity(target), this.#o.remote, signal);
    return { kind: "lane", lane: next.site, gate: this.#o.gate(next), open };
  }

  #identity(target: Target): Identity {
    const identity = this.#o.directory.current().policy(target.job.policy)?.spec.identity;
    return {
      ehloName: identity?.ehloName ?? this.#o.hostname,
      sources: identity?.sourceAddresses ?? [],
      turn: this.#turn++,
    };
  }
}

/** A gate that only counts. */
function freely(max: number): Gate {
  let open = 0;
  return {
    worked: true,
    mayConnect: () => open < max,
    maySend: () => true,
    nextChange: () => undefined,
    take: () => {
      open++;
    },
    release: () => {
      open--;
    },
    sent: () => {},
    went: () => {},
    asked: () => {},
    isSlowed: () => false,
    askedToWait: () => undefined,
    backOff: () => undefined,
    isSuspended: () => false,
    heard: () => {},
    hurry: () => {},
  };
}
