/**
 * What the directory in NATS allows each mailbox.
 *
 * Secrets stay sealed: a key that opens nothing is enough to read quotas.
 */
import { randomBytes } from "node:crypto";
import { silent } from "../kit/log.ts";
import type { MailboxName, Quota } from "../mailbox/store.ts";
import type { Link } from "../nats/connect.ts";
import { Vault } from "../nats/directory/vault.ts";
import { watchDirectory } from "../nats/directory/watch.ts";
import { CommandError } from "./context.ts";

const PATIENCE_MS = 10_000;

export async function readQuotas(
  link: Link,
  stop: AbortSignal,
): Promise<(mailbox: MailboxName) => Quota | undefined> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    await using live = await watchDirectory({
      link,
      vault: new Vault([randomBytes(32)]),
      log: silent,
      signal,
    });
    const directory = live.current();
    return (mailbox) => directory.mailbox(mailbox)?.quota;
  } catch (error) {
    if (stop.aborted || !signal.aborted) throw error;
    throw new CommandError("nothing has been declared to this instance yet", 1, error);
  }
}
