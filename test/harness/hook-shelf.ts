/** Everything that is remembered of webhooks, read once. */
import { silent } from "../../daemon/kit/log.ts";
import type { Link } from "../../daemon/nats/connect.ts";
import { followHooks, HookShelf } from "../../daemon/nats/hook-shelf.ts";

export async function readShelf(link: Link, namespace: string | undefined): Promise<HookShelf> {
  const shelf = new HookShelf();
  await using _ = await followHooks(link, namespace, (message) => shelf.hear(message), silent);
  return shelf;
}
