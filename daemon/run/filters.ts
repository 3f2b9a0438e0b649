/**
 * The content filters: which program is asked how, by how many messages at once, and for how long.
 *
 * In:     an entry of a MailDomain's and a letter.
 * Out:    its opinion.
 * Fails:  when it cannot be reached, does not answer in time, does not do as its protocol says, or as many messages wait
 *         for it as are shown to it at once: waiting messages hold memory that others need.
 */
import type { FilterEntry, FilterServer } from "../directory/filters.ts";
import { FilterFailed, type Letter, type Opinion } from "../filters/filter.ts";
import type { FilterHealth } from "../filters/health.ts";
import { converse } from "../filters/milter/converse.ts";
import { MilterLine } from "../filters/milter/line.ts";
import { parseRspamd } from "../filters/rspamd/answer.ts";
import { requestHeaders } from "../filters/rspamd/request.ts";
import type { Clock } from "../kit/clock.ts";
import { Silence } from "../kit/silence.ts";
import { Slots } from "../kit/slots.ts";
import { connectMilter } from "../net/milter.ts";
import { Rspamds } from "../net/rspamd.ts";

/** Clients wait for 10 minutes, RFC 5321 §4.5.3.2.6; the store wants its time, too. */
const totalMs = 5 * 60_000;

export interface FiltersOptions {
  readonly clock: Clock;
  /** Called with each that ended: how, and after how many ms. */
  readonly observe: (kind: FilterServer["kind"], result: Opinion["kind"] | "failed", ms: number) => void;
  /** Hears how each look ended. */
  readonly health: Pick<FilterHealth, "answered" | "failed">;
}

export class Filters {
  readonly #o: FiltersOptions;
  readonly #rspamds: Rspamds;
  /** By server and number; gone when nobody uses them. */
  readonly #slots = new Map<string, Slots>();

  constructor(options: FiltersOptions) {
    this.#o = options;
    this.#rspamds = new Rspamds(options.clock);
  }

  readonly look = async (entry: FilterEntry, letter: Letter): Promise<Opinion> => {
    const { clock, observe, health } = this.#o;
    const began = clock.monotonic();
    let result: Opinion["kind"] | "failed" = "failed";
    using silence = new Silence({ silentMs: entry.timeoutMs, totalMs }, clock);
    try {
      const opinion = await this.#inTurn(entry, silence, () => this.#ask(entry.server, letter, silence));
      result = opinion.kind;
      health.answered(entry.id);
      return opinion;
    } catch (error) {
      health.failed(entry.id);
      throw error;
    } finally {
      observe(entry.server.kind, result, clock.monotonic() - began);
    }
  };

  async #ask(server: FilterServer, letter: Letter, silence: Silence): Promise<Opinion> {
    const { signal, heard } = silence;
    if (server.kind === "nowhere") throw new FilterFailed("its address is none");
    if (server.kind === "rspamd") {
      const request = { server, headers: requestHeaders(letter), octets: letter.octets(signal) };
      return parseRspamd(await this.#rspamds.post(request, signal, heard));
    }
    using line = new MilterLine(await connectMilter(server, signal), signal, heard);
    return await converse(line, letter, signal);
  }

  async #inTurn<T>(
    { id, connections }: FilterEntry,
    { signal, heard }: Silence,
    work: () => Promise<T>,
  ): Promise<T> {
    const key = `${connections} ${id}`;
    const slots = this.#slots.get(key) ?? new Slots(connections);
    this.#slots.set(key, slots);
    await taken(slots, connections, signal);
    heard();
    try {
      return await work();
    } finally {
      slots.give();
      if (slots.free === connections) this.#slots.delete(key);
    }
  }
}

function taken(slots: Slots, mostWaiting: number, signal: AbortSignal): Promise<void> {
  if (slots.tryTake()) return Promise.resolve();
  if (slots.waiting >= mostWaiting) throw new FilterFailed("too many messages wait for it already");
  return new Promise((resolve, reject) => {
    const quit = slots.queue(() => {
      signal.removeEventListener("abort", late);
      resolve();
    });
    const late = () => {
      quit();
      reject(new FilterFailed("all its connections were in use for too long"));
    };
    signal.addEventListener("abort", late, { once: true });
  });
}
