/**
 * The user's cache of nats-server programs: `${XDG_CACHE_HOME:-~/.cache}/postfleet/nats-server-VERSION/nats-server`.
 *
 * Only finished programs are moved there, so what is there is whole and of the version that the folder names.
 */
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export interface FoundServer {
  readonly program: string;
  readonly version: string;
  readonly from: "path" | "cache" | "go" | "wheel";
}

export function cacheRoot(env: NodeJS.ProcessEnv): string {
  // The XDG specification asks to ignore relative paths.
  const xdg = env["XDG_CACHE_HOME"];
  return join(xdg?.startsWith("/") ? xdg : join(env["HOME"] ?? homedir(), ".cache"), "postfleet");
}

export const cachedProgram = (root: string, version: string) =>
  join(root, `nats-server-${version}`, "nats-server");

export async function fromCache(root: string, version: string): Promise<FoundServer | undefined> {
  const program = cachedProgram(root, version);
  return (await runnable(program)) ? { program, version, from: "cache" } : undefined;
}

export async function runnable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
