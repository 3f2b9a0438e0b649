/**
 * The directory in NATS as it is now, for commands.
 *
 * Secrets stay sealed: a key that opens nothing is enough to read specs.
 * Fails: rejects when the command is stopped; `undefined` when nothing was declared within the patience.
 */
import { randomBytes } from "node:crypto";
import type { Directory } from "../directory/directory.ts";
import { silent } from "../kit/log.ts";
import type { Link } from "../nats/connect.ts";
import { Vault } from "../nats/directory/vault.ts";
import { watchDirectory } from "../nats/directory/watch.ts";

export async function readDirectory(
  link: Link,
  stop: AbortSignal,
  patienceMs: number,
): Promise<Directory | undefined> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(patienceMs)]);
  const vault = new Vault([randomBytes(32)]);
  try {
    await using live = await watchDirectory({ link, vault, log: silent, signal, namespace: link.confined });
    return live.current();
  } catch (error) {
    if (stop.aborted || !signal.aborted) throw error;
    return undefined;
  }
}
