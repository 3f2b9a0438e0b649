/**
 * Whether new messages may come in: closed while NATS is away, and from 80 % of the store on, so that deferrals and
 * DSNs of what is already here always fit (a full stream refuses even a record of the same size).
 *
 * The figures are asked for every two seconds; a refusal for lack of room closes the gate at once, and the next good
 * figures open it again.
 */
import type { Log } from "../kit/log.ts";
import { reply } from "../mail/reply.ts";
import type { Admission } from "../queue/queue.ts";
import type { Link } from "./connect.ts";

export interface AdmissionOptions {
  readonly link: Link;
  readonly log: Log;
  readonly streams: readonly string[];
  /** The store's size when the streams have no limit of their own, octets. */
  readonly storeBytes?: number;
}

const SHARE = 0.8;
const INTERVAL_MS = 2_000;
const OPEN: Admission = { open: true };
const FULL: Admission = {
  open: false,
  reply: reply(452, "4.3.1", "Our queue is nearly full; try again later"),
};
const AWAY: Admission = {
  open: false,
  reply: reply(451, "4.3.0", "Our queue is not available just now; try again later"),
};

interface Figures {
  readonly config?: { readonly max_bytes?: number };
  readonly state?: { readonly bytes?: number };
}

export class AdmissionGate implements AsyncDisposable {
  readonly #options: AdmissionOptions;
  #full = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => void this.#look(), INTERVAL_MS);
  }

  admission(): Admission {
    if (!this.#options.link.isUp()) return AWAY;
    return this.#full ? FULL : OPEN;
  }

  /** The store refused something for lack of room. */
  full(): void {
    this.#close(true);
  }

  async #look(): Promise<void> {
    const { link, streams, storeBytes } = this.#options;
    if (!link.isUp()) return;
    try {
      let total = 0;
      let full = false;
      for (const stream of streams) {
        const answer = await link.nc.request(`$JS.API.STREAM.INFO.${stream}`, "", { timeout: 2_000 });
        const { config, state } = answer.json<Figures>();
        const limit = config?.max_bytes ?? -1;
        const bytes = state?.bytes ?? 0;
        total += bytes;
        if (limit > 0 && bytes >= limit * SHARE) full = true;
      }
      if (storeBytes !== undefined && total >= storeBytes * SHARE) full = true;
      this.#close(full);
    } catch {
      // No figures: the gate stays as it was; a lost connection closes it by itself.
    }
  }

  #close(full: boolean): void {
    if (full === this.#full) return;
    this.#full = full;
    if (full)
      this.#options.log.warn({}, "the store is nearly full: new messages are refused until there is room");
    else this.#options.log.info({}, "the store has room again: new messages are accepted");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
  }
}
