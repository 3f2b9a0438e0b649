/**
 * The sites that mail goes to, by name, so that all destinations of a site share what it allows.
 *
 * Bounded: when there are too many, those of which nothing is known are forgotten first, then those in a pause; never
 * one with open connections.
 */
import type { Chance, Clock } from "../../kit/clock.ts";
import type { PolicyName } from "../../queue/job.ts";
import { labelOf } from "../route/site-name.ts";
import type { Limits, SiteLabel, SiteName } from "../route/types.ts";
import { defaultPauses, type Pauses } from "./circuit.ts";
import { Site, type SiteState } from "./site.ts";

export interface SitesOptions {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly pauses?: Pauses;
  readonly capacity?: number;
  /** An operator has suspended what the policy sends there. */
  readonly isSuspended?: (policy: PolicyName, site: SiteLabel) => boolean;
}

/** A site takes some two kilobytes. With fewer than there are dead ones, their pauses would be forgotten. */
const MANY = 30_000;

export class Sites {
  /** In order of last use. */
  readonly #sites = new Map<SiteName, Site>();
  readonly #options: Required<SitesOptions>;

  constructor(options: SitesOptions) {
    this.#options = { pauses: defaultPauses, capacity: MANY, isSuspended: () => false, ...options };
  }

  get size(): number {
    return this.#sites.size;
  }

  /** The site of this name, from now on with these limits. */
  gate(name: SiteName, limits: Limits, policy: PolicyName): Site {
    const known = this.#sites.get(name);
    if (known) {
      this.#sites.delete(name);
      this.#sites.set(name, known);
      known.limits = limits;
      return known;
    }
    const { pauses, chance, isSuspended } = this.#options;
    const label = labelOf(name);
    const site = new Site(limits, { policy, pauses, chance, isSuspended: () => isSuspended(policy, label) });
    if (this.#sites.size >= this.#options.capacity) this.#makeRoom();
    this.#sites.set(name, site);
    return site;
  }

  /** How many there are in each state. */
  states(): Readonly<Record<SiteState, number>> {
    const now = this.#options.clock.now();
    const states = { open: 0, slowed: 0, paused: 0, suspended: 0 };
    for (const site of this.#sites.values()) states[site.state(now)]++;
    return states;
  }

  entries(): Iterable<readonly [SiteName, Site]> {
    return this.#sites.entries();
  }

  /** A tenth at once, so that the scan is paid for rarely. */
  #makeRoom(): void {
    const now = this.#options.clock.now();
    const goal = Math.floor(this.#options.capacity * 0.9);
    this.#forget(goal, (site) => site.isForgettable(now));
    this.#forget(goal, (site) => site.connections === 0);
  }

  #forget(goal: number, may: (site: Site) => boolean): void {
    for (const [name, site] of this.#sites) {
      if (this.#sites.size <= goal) return;
      if (may(site)) this.#sites.delete(name);
    }
  }
}
