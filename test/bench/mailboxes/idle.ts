/**
 * What connections cost that only wait for news: each is logged in, has INBOX selected, and idles.
 *
 * Counted is the memory of all of the server's processes (proportional set size, since Dovecot's share much), without
 * its nats-server: that does not hear of connections.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { everyProcess, familyOf } from "../kit/processes.ts";
import { ImapClient } from "./client.ts";
import type { Host, User } from "./host.ts";

export interface IdleConnections {
  readonly server: string;
  readonly connections: number;
  readonly users: number;
  /** Octets for each connection. */
  readonly each: number;
}

const SETTLE_MS = 8_000;
/** From one address, below everybody's limits. */
const PER_ADDRESS = 100;

export async function idleConnections(
  host: Host,
  users: readonly User[],
  connections: number,
): Promise<IdleConnections> {
  await using parts = new AsyncDisposableStack();
  const enter = async (n: number) => {
    const client = parts.use(
      await ImapClient.connect(host.imap, `127.0.0.${2 + Math.floor(n / PER_ADDRESS)}`),
    );
    const { name, password } = users[n % users.length] as User;
    await client.login(name, password);
    await client.command("SELECT INBOX");
    await client.idle();
  };
  // What the first connections cost once and for all does not count.
  for (let n = 0; n < users.length; n++) await enter(n);
  await delay(SETTLE_MS);
  const before = memoryOfAll(host.pid);
  for (let n = users.length; n < users.length + connections; n++) await enter(n);
  await delay(SETTLE_MS);
  const each = (memoryOfAll(host.pid) - before) / connections;
  return { server: host.name, connections, users: users.length, each };
}

function memoryOfAll(root: number): number {
  let sum = 0;
  for (const { pid, program } of familyOf(root, everyProcess())) {
    if (program === "nats-server") continue;
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
      sum += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1_024;
    } catch {
      // it ended meanwhile
    }
  }
  return sum;
}
