/**
 * Caps on connections at one time: in all, and from one client network (an IPv4 address or an IPv6 /64).
 */
import { clientNetwork } from "../kit/cidr.ts";

export interface ConnectionLimits {
  readonly connections: number;
  readonly perClient: number;
}

export type Cap = "connections" | "perClient";

export class Caps {
  readonly #limits: (client: string) => ConnectionLimits;
  readonly #perClient = new Map<string, number>();
  readonly #refused: (cap: Cap) => void;
  #all = 0;

  /**
   * `limits` is asked per connection: new ones hold at once, and they may differ by the client's address. `refused` is
   * called for each connection that is beyond one.
   */
  constructor(limits: (client: string) => ConnectionLimits, refused: (cap: Cap) => void = () => {}) {
    this.#limits = limits;
    this.#refused = refused;
  }

  get open(): number {
    return this.#all;
  }

  /** Counts a connection in and returns what counts it out again, or says which cap is in the way. */
  enter(address: string): (() => void) | Cap {
    const { connections, perClient } = this.#limits(address);
    const client = clientNetwork(address);
    const own = this.#perClient.get(client) ?? 0;
    if (this.#all >= connections) return this.#refuse("connections");
    if (own >= perClient) return this.#refuse("perClient");
    this.#all++;
    this.#perClient.set(client, own + 1);
    return () => this.#leave(client);
  }

  #refuse(cap: Cap): Cap {
    this.#refused(cap);
    return cap;
  }

  #leave(client: string): void {
    this.#all--;
    const own = this.#perClient.get(client) ?? 0;
    if (own > 1) this.#perClient.set(client, own - 1);
    else this.#perClient.delete(client);
  }
}
