/** What the directory in NATS says of each mailbox. */
import type { AppPassword } from "../../crds/types.ts";
import type { Directory } from "../directory/directory.ts";
import type { MailboxName, Quota } from "../mailbox/store.ts";
import type { Link } from "../nats/connect.ts";
import { readDirectory } from "../operate/read-directory.ts";
import { CommandError } from "./context.ts";

const PATIENCE_MS = 10_000;

async function declared(link: Link, stop: AbortSignal): Promise<Directory> {
  const directory = await readDirectory(link, stop, PATIENCE_MS);
  if (!directory) throw new CommandError("nothing has been declared to this instance yet");
  return directory;
}

export async function readQuotas(
  link: Link,
  stop: AbortSignal,
): Promise<(mailbox: MailboxName) => Quota | undefined> {
  const directory = await declared(link, stop);
  return (mailbox) => directory.mailbox(mailbox)?.quota;
}

export async function readAppPasswords(
  link: Link,
  stop: AbortSignal,
  mailbox: MailboxName,
): Promise<readonly AppPassword[] | undefined> {
  return (await declared(link, stop)).mailbox(mailbox)?.spec.appPasswords;
}
