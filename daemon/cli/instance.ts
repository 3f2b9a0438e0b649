/**
 * Finds the store for the commands that work on it: by `--data DIR` (a laptop's private NATS) or by `--nats URL` with the
 * credential from the environment. Without either, `NATS_URL` counts: it is set in our pods, so that `kubectl exec` needs no
 * flag. Commands that look and steer ask a daemon first (`reach.ts`).
 *
 * Fails: `CommandError` with a sentence that says what to do.
 */
import { silent } from "../kit/log.ts";
import { authorityFrom, connectNats, credentialFrom, type Link, type NatsTarget } from "../nats/connect.ts";
import { readKeys } from "../nats/directory/keys.ts";
import { readConnection } from "../nats/server/connection.ts";
import { unreachable } from "../nats/unreachable.ts";
import { type CommandContext, CommandError, usage } from "./context.ts";

/** Options that name an instance, for `util.parseArgs`. */
export const instanceOptions = {
  data: { type: "string" },
  nats: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

export interface InstanceFlags {
  readonly data?: string | undefined;
  readonly nats?: string | undefined;
}

export async function connectInstance(flags: InstanceFlags, { env }: CommandContext): Promise<Link> {
  const target = await targetOf(flags, env);
  try {
    return await connectNats({ ...target, name: "postfleet-cli", once: true }, silent);
  } catch (error) {
    throw new CommandError(unreachable(target, error), 1, error);
  }
}

async function targetOf(
  flags: InstanceFlags,
  env: CommandContext["env"],
): Promise<Pick<NatsTarget, "servers" | "credential" | "ca">> {
  const nats = flags.nats ?? (flags.data === undefined ? env["NATS_URL"] : undefined);
  if (nats)
    return { servers: nats.split(","), credential: await credentialFrom(env), ...(await authorityFrom(env)) };
  if (!flags.data)
    throw usage(
      "say which instance: --data DIR for one on this machine, or --nats URL (or NATS_URL in the environment)",
    );
  const found = await readConnection(flags.data);
  if (!found)
    throw new CommandError(
      `no instance is running on ${flags.data}: start it with postfleet run --data ${flags.data}`,
    );
  const { url, user, password } = found;
  return { servers: [url], credential: { kind: "password", user, password } };
}

/** As a daemon finds it that was not told: the directory key says whose records it opens. */
export async function namespaceOfKey(env: CommandContext["env"]): Promise<string | undefined> {
  const [file] = env["POSTFLEET_DIRECTORY_KEY_FILE"]?.split(",").filter(Boolean) ?? [];
  return file === undefined ? undefined : (await readKeys(file))[0]?.namespace;
}
