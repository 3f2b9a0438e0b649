/**
 * IMAP in the mailbox role: the listeners `imap` (STARTTLS where a certificate is known) and `imaps` (only with a
 * certificate).
 *
 * In:     the directory for who may log in, the mailbox store for what they find.
 */
import type { LiveDirectory } from "../directory/directory.ts";
import type { ImapHost } from "../imap/host.ts";
import type { MailboxAccess } from "../mailbox/session.ts";
import type { MailboxName, Quota } from "../mailbox/store.ts";
import { serveImap } from "../net/serve-imap.ts";
import { commonOf, type DoorContext, type Doors, openDoors } from "./doors.ts";

interface ImapContext extends DoorContext {
  readonly live: LiveDirectory;
  readonly store: { readonly mailboxes: MailboxAccess };
}

/** People leave clients open on several devices, and each client opens several connections. */
const connections = { connections: 20_000, perClient: 200 };

export function openImap(context: ImapContext): Promise<Doors> {
  const host = hostOf(context);
  const common = { ...commonOf(context), host, connections: () => connections };
  return openDoors(["imap", "imaps"], context, (listener, events) =>
    serveImap({ ...common, listener, events }),
  );
}

const hostOf = ({ door, live, store }: ImapContext): ImapHost => ({
  ...door,
  open: (who, signal) => store.mailboxes.open(who, { quota: () => quotaOf(live, who) }, signal),
});

/** The limits of the resource as it is now; none when it was deleted meanwhile. */
export const quotaOf = (live: LiveDirectory, who: MailboxName): Quota =>
  live.current().mailbox(who)?.quota ?? {};
