/**
 * Calls to the API server, each timed and told to whoever keeps the figures.
 */
import type { Clock } from "../../daemon/kit/clock.ts";
import type { Kind } from "./port.ts";
import type { Answer, Outgoing, Stream, Transport } from "./transport.ts";

/** For the figures: what was asked, and how it ended. */
export interface Call {
  readonly verb: string;
  readonly kind: string;
  /** The HTTP status, or `none` without an answer. */
  readonly code: string;
  readonly ms: number;
}

export class Calls {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #observe: ((call: Call) => void) | undefined;

  constructor(transport: Transport, clock: Clock, observe: ((call: Call) => void) | undefined) {
    this.#transport = transport;
    this.#clock = clock;
    this.#observe = observe;
  }

  send(verb: string, kind: Kind, outgoing: Outgoing, signal: AbortSignal): Promise<Answer> {
    return this.#timed(verb, kind, () => this.#transport.call(outgoing, signal));
  }

  /** Timed to the head of the answer. */
  open(verb: string, kind: Kind, outgoing: Outgoing, signal: AbortSignal): Promise<Stream> {
    return this.#timed(verb, kind, () => this.#transport.stream(outgoing, signal));
  }

  async #timed<T extends { readonly status: number }>(
    verb: string,
    { kind }: Kind,
    run: () => Promise<T>,
  ): Promise<T> {
    const begin = this.#clock.monotonic();
    let code = "none";
    try {
      const answer = await run();
      code = String(answer.status);
      return answer;
    } finally {
      this.#observe?.({ verb, kind, code, ms: this.#clock.monotonic() - begin });
    }
  }
}
