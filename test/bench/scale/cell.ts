/**
 * An installation as it runs in a cluster, in small: a NATS of its own, a gateway, and relays that come and go, each role in
 * a process of its own. Started on empty data, which is removed at the end.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startNats, type TestNats } from "../../harness/nats-server.ts";
import { cpuOf } from "../kit/processes.ts";
import { type Fleet, startFleet } from "../servers/postfleet.ts";

export interface CellOptions {
  readonly state: string;
  readonly resources: string;
  /** Arguments of every daemon. */
  readonly args?: readonly string[];
}

export interface Cell extends AsyncDisposable {
  readonly nats: TestNats;
  readonly gateway: Fleet;
  /** One more; resolves when it listens. */
  relay(): Promise<Fleet>;
  /** Octets of what NATS keeps on disk. */
  stored(): Promise<number>;
}

/** Twice what a million messages of 1 kB and their bodies take. */
const STORE = 40 * 2 ** 30;

export async function openCell({ state, resources, args = [] }: CellOptions): Promise<Cell> {
  const folder = join(state, "scale");
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "nats"), { recursive: true });
  await using parts = new AsyncDisposableStack();
  parts.defer(() => rm(folder, { recursive: true, force: true }));
  const nats = parts.use(await startNats(undefined, { dir: join(folder, "nats"), maxStoreBytes: STORE }));
  const key = join(folder, "directory.key");
  await writeFile(key, randomBytes(32));
  const env = {
    NATS_USER: nats.user,
    NATS_PASSWORD: nats.password,
    POSTFLEET_DIRECTORY_KEY_FILE: key,
  };
  const daemon = (name: string, role: string, given: { readonly resources?: string } = {}) => {
    const all = ["--nats", nats.url, "--role", role, ...args];
    return startFleet({ state: folder, folder: name, args: all, env, ...given });
  };
  const gateway = parts.use(await daemon("gateway", "gateway", { resources }));
  let relays = 0;
  const owned = parts.move();
  return {
    nats,
    gateway,
    relay: async () => owned.use(await daemon(`relay-${relays++}`, "relay")),
    stored: () => octetsIn(join(folder, "nats")),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Files may go while they are counted: then du says how much the others are, and fails. */
async function octetsIn(folder: string): Promise<number> {
  const { stdout } = await promisify(execFile)("du", ["-sb", folder]).catch(
    (error: { stdout: string }) => error,
  );
  return Number(/^\d+/.exec(stdout)?.[0]);
}

/** Seconds of processor time of a process so far. */
export const cpuSeconds = (pid: number): number =>
  [...cpuOf(pid).values()].reduce((sum, each) => sum + each, 0);
