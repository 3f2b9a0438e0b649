/**
 * What the daemon takes when it has nothing to do: with every role in one process, and each role alone beside a shared
 * nats-server, as in a cluster.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startNats } from "../../harness/nats-server.ts";
import { childrenOf, memoryOf } from "../kit/processes.ts";
import { startFleet } from "../servers/postfleet.ts";

export interface IdleMemory {
  readonly roles: string;
  /** Octets. */
  readonly daemon: number;
  /** Of its private nats-server, where it has one. */
  readonly nats: number | undefined;
}

/** Long enough for what the start left behind to be collected. */
const SETTLE_MS = 15_000;
const quickstart = join(import.meta.dirname, "../../../examples/quickstart.yaml");

export async function idleMemory(state: string): Promise<IdleMemory[]> {
  const all = await allRoles(state);
  await using nats = await startNats(undefined, { maxStoreBytes: 8 * 2 ** 30 });
  const env = { NATS_USER: nats.user, NATS_PASSWORD: nats.password };
  const found = [all];
  for (const role of ["gateway", "relay", "mailbox"])
    found.push(await atRest(state, role, ["--nats", nats.url, "--role", role], env));
  return found;
}

const allRoles = (state: string) => atRest(state, "all", [], {});

async function atRest(
  state: string,
  roles: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<IdleMemory> {
  const folder = join(state, "idle");
  await using fleet = await startFleet({
    state: folder,
    resources: await readFile(quickstart, "utf8"),
    args,
    env,
  });
  await delay(SETTLE_MS);
  const [child] = childrenOf(fleet.pid, "nats-server");
  const found = {
    roles,
    daemon: memoryOf(fleet.pid).now,
    nats: child === undefined ? undefined : memoryOf(child).now,
  };
  await rm(folder, { recursive: true, force: true });
  return found;
}
