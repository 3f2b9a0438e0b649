/**
 * How full mailboxes are, roughly: looked at now and then, rounded, so that a status is not rewritten for every message.
 *
 * Out:    `of(address)`: what was found last; `onChange` for each address whose rounded figures are others.
 * Fails:  never: while the store is away the last figures stay.
 */
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Log } from "../../daemon/kit/log.ts";
import { Trouble } from "../../daemon/kit/trouble.ts";
import type { MailboxUsage, MailStore } from "./ports.ts";

export type Usage = Pick<MailboxUsage, "bytes" | "messages">;

export interface UsageOptions {
  readonly store: Pick<MailStore, "usage">;
  readonly clock: Clock;
  readonly log: Log;
  readonly onChange: (address: string) => void;
  readonly lookMs?: number;
}

export class UsageWatch implements AsyncDisposable {
  readonly #options: UsageOptions;
  readonly #stop = new AbortController();
  readonly #looking: Promise<void>;
  readonly #trouble: Trouble;
  #found: ReadonlyMap<string, Usage> = new Map();

  constructor(options: UsageOptions) {
    this.#options = options;
    this.#trouble = new Trouble(
      options.log,
      "how full mailboxes are cannot be asked: statuses keep what was known",
      "how full mailboxes are is known again",
    );
    this.#looking = this.#lookForEver();
  }

  of(address: string): Usage | undefined {
    return this.#found.get(address);
  }

  async #lookForEver(): Promise<void> {
    const { clock, lookMs = 300_000 } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#look(signal);
        this.#trouble.succeeded();
      } catch (error) {
        if (!signal.aborted) this.#trouble.failed({ err: error });
      }
      await clock.sleep(lookMs, signal).catch(() => {});
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const found = new Map<string, Usage>();
    for await (const { address, bytes, messages } of this.#options.store.usage(signal))
      found.set(address, { bytes: roughly(bytes), messages: roughly(messages) });
    const before = this.#found;
    this.#found = found;
    for (const [address, { bytes, messages }] of found) {
      const known = before.get(address);
      if (known?.bytes !== bytes || known.messages !== messages) this.#options.onChange(address);
    }
    for (const address of before.keys()) if (!found.has(address)) this.#options.onChange(address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }
}

/** Two digits say enough: 123456 is 120000. */
function roughly(value: number): number {
  if (value < 100) return value;
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Math.round(value / unit) * unit;
}
