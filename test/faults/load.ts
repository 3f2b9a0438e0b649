/**
 * Clients that never give up: several kept connections at once, a steady rate, every answer written down.
 *
 * In:     where to send, the mix, a rate.
 * Out:    entries in the ledger. A connection that dies is opened anew; a message is never sent twice, since its id
 *         must mean one thing only.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Connection, type ConnectionOptions, type Pace } from "./client.ts";
import type { Ledger } from "./ledger.ts";
import { compose } from "./message.ts";
import { type Mix, senderMailbox } from "./mix.ts";

export interface LoadOptions {
  readonly client?: ConnectionOptions;
  /** Whose mail it is; a mailbox of ours when absent. */
  readonly sender?: string;
  readonly port: number;
  /** Called when a connection could not be opened, or did not get its greeting. */
  readonly onUnreachable?: (error: Error) => void;
  readonly ledger: Ledger;
  readonly mix: Pick<Mix, "next">;
  readonly connections: number;
  /** Messages a second, all connections together. */
  readonly rate: number;
  /** As fast as they are taken when absent. */
  readonly pace?: Pace;
}

const PER_CONNECTION = 40;

export class Load {
  readonly #options: LoadOptions;
  readonly #workers: Promise<void>[];
  #stopped = false;
  #nextAt = 0;
  readonly #connections = new Set<Connection>();

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#workers = Array.from({ length: options.connections }, () => this.#work());
  }

  /** Resolves when every message that was begun has its answer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  /** Messages between 354 and their final dot, of those that take their time. */
  get inData(): number {
    let count = 0;
    for (const { inData } of this.#connections) if (inData) count++;
    return count;
  }

  /** The scenario has failed: nobody asks for the answers any more. */
  abandon(): void {
    this.#stopped = true;
    for (const connection of this.#connections) connection.close();
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const { port, client, onUnreachable } = this.#options;
      const connection = await Connection.open(port, client).catch((error: Error) => onUnreachable?.(error));
      if (connection) await this.#use(connection);
      else await delay(20);
    }
  }

  async #use(connection: Connection): Promise<void> {
    this.#connections.add(connection);
    for (let n = 0; n < PER_CONNECTION && connection.usable; n++) {
      await this.#turn();
      if (this.#stopped) break;
      await this.#send(connection);
    }
    await connection.quit();
    this.#connections.delete(connection);
  }

  async #send(connection: Connection): Promise<void> {
    const { ledger, mix, sender = senderMailbox, pace } = this.#options;
    const { id, expected, octets } = mix.next();
    const body = compose(id, sender, octets);
    const sent = ledger.begin(id, expected);
    sent.told = await connection.send(
      sender,
      expected.map(({ address }) => address),
      body,
      pace,
    );
    sent.at = performance.now();
    ledger.waited(sent.at - sent.begun);
  }

  /** Spreads the messages over time. What was missed while nobody answered is not made up for. */
  async #turn(): Promise<void> {
    const now = performance.now();
    this.#nextAt = Math.max(this.#nextAt, now) + 1_000 / this.#options.rate;
    const wait = this.#nextAt - now;
    if (wait > 1) await delay(wait);
  }
}
