/**
 * ManageSieve in the mailbox role: the listener `managesieve`, where people change their scripts (STARTTLS).
 *
 * In:     who may log in, and the mailbox store, which keeps the scripts.
 */
import type { ScriptStore } from "../mailbox/scripts.ts";
import { serveManageSieve } from "../net/serve-managesieve.ts";
import { commonOf, type DoorContext, type Doors, openDoors } from "./doors.ts";

interface SieveContext extends DoorContext {
  readonly store: { readonly mailboxes: { readonly scripts: ScriptStore } };
}

/** Sessions are short and rare. */
const connections = { connections: 500, perClient: 50 };

export function openManageSieve(context: SieveContext): Promise<Doors> {
  const host = { ...context.door, scripts: context.store.mailboxes.scripts };
  const common = { ...commonOf(context), host, connections: () => connections };
  return openDoors(["managesieve"], context, (listener, events) =>
    serveManageSieve({ ...common, listener, events }),
  );
}
