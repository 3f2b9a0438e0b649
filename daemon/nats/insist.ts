/**
 * Asks again what was not answered: for questions and orders of a start that may be given any number of times, such as making
 * a stream that may be there. The first may be lost, and a busy machine needs many seconds for what it does in a few ms otherwise;
 * a program that ends because of that would only be started anew.
 *
 * Fails: with the last error, when none of some tries was answered; at once with an answer that is no.
 */
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import type { Link } from "./connect.ts";
import { StoreFault } from "./fault.ts";

const TRIES = 3;
const PATIENCE_MS = 10_000;

const isSilence = (error: unknown): boolean =>
  error instanceof errors.TimeoutError || (error instanceof StoreFault && error.kind === "away");

export async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === TRIES || !isSilence(error)) throw error;
    }
  }
}

/** For streams, their making and their sizes. Rejects when the server (or the account) has no JetStream. */
export const managerOf = ({ nc }: Link): Promise<JetStreamManager> =>
  insist(() => jetstreamManager(nc, { timeout: PATIENCE_MS }));
