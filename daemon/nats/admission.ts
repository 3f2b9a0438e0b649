/**
 * Whether new messages may come in: closed while NATS is away, and from 80 % of the store on, so that deferrals and
 * DSNs of what is already here always fit (a full stream refuses even a record of the same size).
 *
 * The figures are asked for every two seconds, and whenever what this process has stored meanwhile may have reached that
 * level; a refusal for lack of room closes the gate at once, and the next good figures open it again. What was admitted
 * and is still arriving is refused at 90 %.
 */
import type { Log } from "../kit/log.ts";
import { reply } from "../mail/reply.ts";
import type { Admission } from "../queue/queue.ts";
import type { Link } from "./connect.ts";
import { StoreFault } from "./fault.ts";

export interface AdmissionOptions {
  readonly link: Link;
  readonly log: Log;
  readonly streams: readonly string[];
  /** What the whole store may take, mailboxes included, octets, when somebody said so; else what the account may. */
  readonly storeBytes?: number;
}

const SHARE = 0.8;
/** Of the whole store: what the mailboxes have filled, the queue cannot use. */
const STORE_SHARE = 0.9;
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

/** Of a stream: above this also what is on its way in is refused. The rest is for what is here already. */
const LAST_SHARE = 0.9;
/** What a record takes beyond its octets: subject, headers, framing. */
const OVERHEAD = 256;

export interface Level {
  readonly limit: number;
  readonly bytes: number;
}

/** The store as a whole among the streams. */
const STORE = "store";

interface Figures {
  readonly config?: { readonly max_bytes?: number };
  readonly state?: { readonly bytes?: number };
}

/** Without a limit of its own the account's is -1. */
interface Account {
  readonly storage?: number;
  readonly limits?: { readonly max_storage?: number };
}

export class AdmissionGate implements AsyncDisposable {
  readonly #options: AdmissionOptions;
  #full = false;
  /** Of the store and its streams, as far as they have a limit. */
  readonly #levels = new Map<string, Level>();
  /** What this process has stored since the figures were asked for, by stream. */
  readonly #since = new Map<string, number>();
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => void this.#lookOnce(), INTERVAL_MS);
  }

  admission(): Admission {
    const { closed } = this;
    if (closed === undefined) return OPEN;
    return closed === "away" ? AWAY : FULL;
  }

  /** Why no new message may come in. */
  get closed(): "away" | "full" | undefined {
    if (!this.#options.link.isUp()) return "away";
    return this.#full ? "full" : undefined;
  }

  /** How full the store is, and each of its streams that has a limit of its own, by the last figures. */
  get levels(): ReadonlyMap<string, Level> {
    return this.#levels;
  }

  /** The store refused something for lack of room. */
  full(): void {
    this.#close(true);
  }

  /** Something was stored. When that may have reached the limit of admission, the figures are asked for at once. */
  took(stream: string, entries: number, octets: number): void {
    const level = this.#levels.get(stream);
    if (level === undefined) return;
    const since = (this.#since.get(stream) ?? 0) + octets + entries * OVERHEAD;
    this.#since.set(stream, since);
    if (level.bytes + since >= level.limit * SHARE) void this.#lookOnce();
  }

  /** Throws `StoreFault` when a new message may not take more of the stream, though it was admitted a while ago. */
  mustHaveRoom(stream: string): void {
    const level = this.#levels.get(stream);
    if (level === undefined) return;
    if (level.bytes + (this.#since.get(stream) ?? 0) < level.limit * LAST_SHARE) return;
    throw new StoreFault("full", `${stream} keeps the rest of its room for what it holds already`);
  }

  #lookOnce(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { link, streams } = this.#options;
    if (!link.isUp()) return;
    try {
      let full = await this.#isStoreFull();
      // Who may not look at a stream hears of its bounds by a refusal.
      for (const stream of link.confined === undefined ? streams : []) {
        const level = await this.#levelOf(stream);
        if (level && level.bytes >= level.limit * SHARE) full = true;
      }
      this.#close(full);
    } catch {
      // No figures: the gate stays as it was; a lost connection closes it by itself.
    }
  }

  /** `undefined`: it has no limit of its own. */
  async #levelOf(stream: string): Promise<Level | undefined> {
    const before = this.#since.get(stream) ?? 0;
    const { nc } = this.#options.link;
    const answer = await nc.request(`$JS.API.STREAM.INFO.${stream}`, "", { timeout: 2_000 });
    const { config, state } = answer.json<Figures>();
    const limit = config?.max_bytes ?? -1;
    if (limit <= 0) {
      this.#levels.delete(stream);
      return undefined;
    }
    const level = { limit, bytes: state?.bytes ?? 0 };
    this.#levels.set(stream, level);
    this.#since.set(stream, (this.#since.get(stream) ?? 0) - before);
    return level;
  }

  async #isStoreFull(): Promise<boolean> {
    const { link, storeBytes } = this.#options;
    const answer = await link.nc.request("$JS.API.INFO", "", { timeout: 2_000 });
    const { storage: bytes = 0, limits } = answer.json<Account>();
    const limit = storeBytes ?? limits?.max_storage ?? -1;
    if (limit <= 0) {
      this.#levels.delete(STORE);
      return false;
    }
    this.#levels.set(STORE, { limit, bytes });
    return bytes >= limit * (storeBytes === undefined ? SHARE : STORE_SHARE);
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
