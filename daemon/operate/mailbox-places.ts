/**
 * Where the mailboxes of an installation lie, for those who look after them.
 *
 * In:     `namespace` or `shared`, or neither: then all that may be seen from here, or those of the only namespace that is
 *         served here.
 * Out:    the places where mailboxes lie, as one store.
 * Fails:  `CommandError` for a namespace whose mailboxes do not lie apart, or that may not be seen; `StoreFault`.
 */
import type { LiveDirectory } from "../directory/directory.ts";
import type { Link } from "../nats/connect.ts";
import { haveMailboxes } from "../nats/installation.ts";
import type { MailboxStores } from "../nats/mailbox/stores.ts";
import { namespacesApart } from "../nats/mailbox/streams.ts";
import { namespaceShard } from "../nats/users/permissions.ts";
import { CommandError } from "./command-error.ts";
import { Places } from "./places.ts";

export interface PlacesAsked {
  readonly namespace?: string | undefined;
  readonly shared?: boolean | undefined;
}

export interface PlacesMeans {
  readonly link: Link;
  /** The only one that is served here. */
  readonly namespace: string | undefined;
  readonly stores: MailboxStores;
  readonly live: LiveDirectory;
}

export async function placesOf(means: PlacesMeans, asked: PlacesAsked): Promise<Places> {
  const { stores, live } = means;
  const namespaces = await namespacesMeant(means, asked);
  const opened = namespaces.map((each) => [each, stores.apart(each)] as const);
  return new Places(new Map(opened), async (mailbox) => live.current().mailbox(mailbox)?.namespace);
}

async function namespacesMeant(
  { link, namespace: only }: PlacesMeans,
  { namespace: asked, shared = false }: PlacesAsked,
): Promise<readonly (string | undefined)[]> {
  const { confined } = link;
  if (asked !== undefined && shared) throw new CommandError("give namespace or shared, not both");
  if (confined !== undefined && (shared || (asked ?? confined) !== confined))
    throw new CommandError(`this credential reaches the mailboxes of namespace ${confined} alone`);
  if (shared) return [undefined];
  const namespace = asked ?? confined ?? only;
  if (namespace === undefined) return [undefined, ...(await namespacesApart(link))];
  if (await haveMailboxes(link, [namespaceShard(namespace)])) return [namespace];
  throw new CommandError(
    `the mailboxes of namespace ${namespace} do not lie apart: ask the shared daemons, without --namespace`,
  );
}
