/**
 * Empties a stream, or what lies under some of its subjects; one that is not there is empty.
 *
 * Not by deleting it: the server makes a stream anew before all of the one before has gone from its disk, and may fail at it.
 */
import assert from "node:assert/strict";
import type { Link } from "../../daemon/nats/connect.ts";

/** The server's word for a stream that is not there. */
const NO_STREAM = 10059;

export async function purge({ nc }: Link, stream: string, filter?: string): Promise<void> {
  const question = filter === undefined ? "" : JSON.stringify({ filter });
  const answer = await nc.request(`$JS.API.STREAM.PURGE.${stream}`, question);
  const { error } = answer.json<{ readonly error?: { readonly err_code: number } }>();
  assert.ok(error === undefined || error.err_code === NO_STREAM, JSON.stringify(error));
}
