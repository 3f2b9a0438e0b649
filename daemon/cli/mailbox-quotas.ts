/** What the directory in NATS allows each mailbox. */
import type { MailboxName, Quota } from "../mailbox/store.ts";
import type { Link } from "../nats/connect.ts";
import { readDirectory } from "../operate/read-directory.ts";
import { CommandError } from "./context.ts";

const PATIENCE_MS = 10_000;

export async function readQuotas(
  link: Link,
  stop: AbortSignal,
): Promise<(mailbox: MailboxName) => Quota | undefined> {
  const directory = await readDirectory(link, stop, PATIENCE_MS);
  if (!directory) throw new CommandError("nothing has been declared to this instance yet");
  return (mailbox) => directory.mailbox(mailbox)?.quota;
}
