/**
 * The store that `backup` and `restore` work on, whether a daemon runs on it or not.
 *
 * In:     `--data DIR` or `--nats URL` (or NATS_URL).
 * Out:    a link that reaches everything. For a data folder that no daemon has, its private NATS runs as long as the link
 *         is held, and the folder is locked meanwhile.
 * Fails:  `CommandError`; `DataDirInUse` where the folder must be ours.
 */
import { DataDirInUse, lockDataDir } from "../kit/data-dir.ts";
import { silent } from "../kit/log.ts";
import { connectNats, type Link } from "../nats/connect.ts";
import { startPrivateServer } from "../nats/server/private.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { connectInstance, type InstanceFlags } from "./instance.ts";

export interface OpenedStore extends AsyncDisposable {
  readonly link: Link;
}

/** `alone`: a daemon that runs is an error; else it is asked. */
export async function openStoreOf(
  flags: InstanceFlags,
  context: CommandContext,
  { alone }: { readonly alone: boolean },
): Promise<OpenedStore> {
  await using parts = new AsyncDisposableStack();
  const link = await linkOf(flags, context, alone, parts);
  if (link.confined !== undefined)
    throw new CommandError(
      `this credential reaches namespace ${link.confined} alone; a copy is of everything`,
    );
  const owned = parts.move();
  return { link, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function linkOf(
  flags: InstanceFlags,
  context: CommandContext,
  alone: boolean,
  parts: AsyncDisposableStack,
): Promise<Link> {
  const { data } = flags;
  if (flags.nats !== undefined || data === undefined) return parts.use(await connectInstance(flags, context));
  try {
    parts.use(await lockDataDir(data));
  } catch (error) {
    if (alone || !(error instanceof DataDirInUse)) throw error;
    return parts.use(await connectInstance(flags, context));
  }
  const progress = (line: string) => context.out.error(line);
  const { signal } = context;
  const server = parts.use(await startPrivateServer({ dataDir: data, log: silent, progress, signal }));
  const { url, user, password } = server;
  const credential = { kind: "password", user, password } as const;
  return parts.use(
    await connectNats({ servers: [url], credential, name: "postfleet-cli", once: true }, silent),
  );
}
