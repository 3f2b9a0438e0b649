/**
 * Asks a server whether JetStream answers: "ready" in its log only says that it listens.
 */
import { connect } from "@nats-io/transport-node";
import type { Connection } from "./connection.ts";

export async function jetStreamAnswers(
  { url, user, password }: Connection,
  timeoutMs: number,
): Promise<void> {
  const nc = await connect({ servers: url, user, pass: password, timeout: timeoutMs, reconnect: false });
  try {
    const answer = await nc.request("$JS.API.INFO", "", { timeout: timeoutMs });
    const { error } = answer.json<{ error?: { description: string } }>();
    if (error !== undefined) throw new Error(`JetStream is not available: ${error.description}`);
  } finally {
    await nc.close();
  }
}
