/**
 * POP3 in the mailbox role: the listeners `pop3` (STARTTLS where there is a certificate) and `pop3s` (only with one).
 *
 * In:     who may log in, and the mailbox store for what they find.
 */
import type { LiveDirectory } from "../directory/directory.ts";
import type { MailboxAccess } from "../mailbox/session.ts";
import { servePop3 } from "../net/serve-pop3.ts";
import type { Pop3Host } from "../pop3/host.ts";
import { openMaildrop } from "../pop3/maildrop.ts";
import { commonOf, type DoorContext, type Doors, openDoors } from "./doors.ts";
import { quotaOf } from "./imap.ts";

interface Pop3Context extends DoorContext {
  readonly live: LiveDirectory;
  readonly store: { readonly mailboxes: MailboxAccess };
}

/** Sessions last seconds; one network may be a large office. */
const connections = { connections: 2_000, perClient: 200 };

export function openPop3(context: Pop3Context): Promise<Doors> {
  const { hostname } = context.options;
  const common = { ...commonOf(context), host: hostOf(context), hostname, connections: () => connections };
  return openDoors(["pop3", "pop3s"], context, (listener, events) =>
    servePop3({ ...common, listener, events }),
  );
}

const hostOf = ({ door, live, store }: Pop3Context): Pop3Host => ({
  ...door,
  open: (mailbox, signal) => openMaildrop(store.mailboxes, mailbox, () => quotaOf(live, mailbox), signal),
});
