/** Why a NATS cannot be used, in a sentence with the remedy. */
import type { NatsTarget } from "./connect.ts";

const credential =
  "give a credential by NATS_USER with NATS_PASSWORD or NATS_PASSWORD_FILE, NATS_NKEY_FILE, or NATS_CREDS";

export function unreachable({ servers }: Pick<NatsTarget, "servers">, error: unknown): string {
  const { message, name } = error as Error;
  const where = servers.join(", ");
  if (name === "JetStreamNotEnabled")
    return `NATS at ${where} has no JetStream: enable it in the server's configuration (jetstream {…}), or for this account`;
  const remedy = /authorization|authentication|nkey|creds/i.test(`${name} ${message}`)
    ? `; ${credential}`
    : "";
  return `cannot reach NATS at ${where}: ${message}${remedy}`;
}
