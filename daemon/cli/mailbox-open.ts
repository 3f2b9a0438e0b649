/**
 * Opens the mailboxes that a command is about.
 *
 * In:     a link; `--namespace NAME` or `--shared`, or neither: then all that the credential may see, or those of the namespace
 *         that the directory key is made for.
 * Out:    the places where mailboxes lie, as one store; the link stays the caller's.
 * Fails:  `CommandError` for a namespace whose mailboxes do not lie apart, or that the credential does not reach.
 */
import { systemClock } from "../kit/clock.ts";
import { silent } from "../kit/log.ts";
import type { Link } from "../nats/connect.ts";
import { readKeys } from "../nats/directory/keys.ts";
import { haveMailboxes } from "../nats/installation.ts";
import { readLayout } from "../nats/layout.ts";
import { JetStreamMailboxStore } from "../nats/mailbox/store.ts";
import { namespacesApart } from "../nats/mailbox/streams.ts";
import { namespaceShard } from "../nats/users/permissions.ts";
import { readDirectory } from "../operate/read-directory.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";
import { Places } from "./mailbox-places.ts";
import type { MailboxFlags } from "./mailbox-tools.ts";

const patienceMs = 10_000;

export async function openPlaces(
  link: Link,
  flags: Pick<MailboxFlags, "namespace" | "shared">,
  { env, signal }: CommandContext,
): Promise<{ readonly places: Places } & AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const stores = new Map<string | undefined, JetStreamMailboxStore>();
  const { shards } = await readLayout(link);
  for (const namespace of await placesMeant(link, flags, env)) {
    const options = { link, clock: systemClock, chance: Math.random, log: silent, shards };
    const store = new JetStreamMailboxStore(namespace === undefined ? options : { ...options, namespace });
    stores.set(namespace, parts.use(store));
  }
  const places = new Places(stores, async (mailbox) => {
    const directory = await readDirectory(link, signal, patienceMs);
    return directory?.mailbox(mailbox)?.namespace;
  });
  const owned = parts.move();
  return { places, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function placesMeant(
  link: Link,
  { namespace: asked, shared = false }: Pick<MailboxFlags, "namespace" | "shared">,
  env: CommandContext["env"],
): Promise<readonly (string | undefined)[]> {
  const { confined } = link;
  if (asked !== undefined && shared) throw usage("give --namespace or --shared, not both");
  if (confined !== undefined && (shared || (asked ?? confined) !== confined))
    throw new CommandError(`this credential reaches the mailboxes of namespace ${confined} alone`);
  if (shared) return [undefined];
  const namespace = asked ?? confined ?? (await namespaceOfKey(env));
  if (namespace === undefined) return [undefined, ...(await namespacesApart(link))];
  if (await haveMailboxes(link, [namespaceShard(namespace)])) return [namespace];
  throw new CommandError(
    `the mailboxes of namespace ${namespace} do not lie apart: ask the shared daemons, without --namespace`,
  );
}

/** As a daemon finds it that was not told: the key says whose records it opens. */
async function namespaceOfKey(env: CommandContext["env"]): Promise<string | undefined> {
  const [file] = env["POSTFLEET_DIRECTORY_KEY_FILE"]?.split(",").filter(Boolean) ?? [];
  return file === undefined ? undefined : (await readKeys(file))[0]?.namespace;
}
