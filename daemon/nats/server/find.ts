/**
 * Finds a nats-server that is new enough, or gets one.
 *
 * In:     the environment (`PATH`, `XDG_CACHE_HOME`, `HOME`), a place for progress lines.
 * Out:    the program's path, its version and where it came from.
 * Fails:  `NatsServerMissing`, whose message tells each way that was tried and what it answered.
 *
 * The ways, in order: PATH, the cache, `go install`, the Python wheel. The last two fill the cache.
 */
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fillCache } from "./obtain.ts";
import { atLeast, versionOf, wantedVersion, wheelVersion } from "./version.ts";

export interface FindOptions {
  readonly env: NodeJS.ProcessEnv;
  /** One line for people about what takes its time. */
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface FoundServer {
  readonly program: string;
  readonly version: string;
  readonly from: "path" | "cache" | "go" | "wheel";
}

export class NatsServerMissing extends Error {
  override readonly name = "NatsServerMissing";
  constructor(answers: readonly string[]) {
    super(
      `no nats-server ≥ ${wantedVersion} was found or could be made:\n${answers.map((a) => `  - ${a}`).join("\n")}\n` +
        "Any one of these helps: put nats-server on PATH (https://github.com/nats-io/nats-server/releases), " +
        "install Go, or install Python 3 with pip. Or use a server of yours with --nats URL.",
    );
  }
}

/** `${XDG_CACHE_HOME:-~/.cache}/postfleet` */
export function cacheRoot(env: NodeJS.ProcessEnv): string {
  // The XDG specification asks to ignore relative paths.
  const xdg = env["XDG_CACHE_HOME"];
  return join(xdg?.startsWith("/") ? xdg : join(env["HOME"] ?? homedir(), ".cache"), "postfleet");
}

export async function findServer(options: FindOptions): Promise<FoundServer> {
  const answers: string[] = [];
  const onPath = await fromPath(options, answers);
  if (onPath !== undefined) return onPath;
  const root = cacheRoot(options.env);
  const cached = await fromCache(root, wantedVersion);
  if (cached !== undefined) return cached;
  return fillCache({ ...options, root }, answers);
}

async function fromPath(options: FindOptions, answers: string[]): Promise<FoundServer | undefined> {
  const seen: string[] = [];
  for (const folder of (options.env["PATH"] ?? "").split(delimiter)) {
    const program = join(folder, "nats-server");
    if (folder === "" || !(await runnable(program))) continue;
    const version = await versionOf(program, options.signal);
    if (version !== undefined && atLeast(version, wantedVersion)) return { program, version, from: "path" };
    seen.push(`${program} is ${version ?? "not a nats-server that runs"}`);
  }
  answers.push(`PATH: ${seen.length > 0 ? seen.join(", ") : "no nats-server there"}`);
  return undefined;
}

/** The folder carries the version, and only finished programs are moved there, so nothing needs to be run. */
export async function fromCache(root: string, version: string): Promise<FoundServer | undefined> {
  const program = cachedProgram(root, version);
  return (await runnable(program)) ? { program, version, from: "cache" } : undefined;
}

export const cachedProgram = (root: string, version: string) => join(root, `nats-server-${version}`, "nats-server");

async function runnable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
