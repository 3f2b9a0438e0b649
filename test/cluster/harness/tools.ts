/**
 * The programs of the test cluster, and how they are called.
 *
 * In:     what `test/cluster/kube/cluster build` has put into the cache.
 * Fails:  `ToolFailed` with the command and what it said.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { root } from "../../harness/source.ts";

export const script = join(root, "test/cluster/kube/cluster");
export const chart = join(root, "charts/postfleet");

const cache =
  process.env["POSTFLEET_CACHE"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "postfleet");
const version = /kube_version=([\d.]+)/.exec(readFileSync(script, "utf8"))?.[1];
export const bin = join(cache, `kube-${version}`, "bin");
export const state = process.env["POSTFLEET_CLUSTER"] ?? "/var/lib/postfleet-cluster";

/** For programs that are to speak to the cluster. */
export const environment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${bin}:${process.env["PATH"]}`,
  KUBECONFIG: join(state, "kubeconfig"),
};

export class ToolFailed extends Error {
  override readonly name = "ToolFailed";
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(command: readonly string[], code: number | null, stdout: string, stderr: string) {
    super(`${command.join(" ")} ended with ${code}\n${stderr}\n${stdout.slice(-4_000)}`);
    this.code = code;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

export interface ToolOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** Shows what it says while it works. */
  readonly show?: boolean;
}

/** Runs a program to its end; its standard output. */
export async function tool(command: readonly string[], options: ToolOptions = {}): Promise<string> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    env: { ...environment, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  child.stdin.on("error", () => {}); // it may not want to read
  child.stdin.end(options.input ?? "");
  if (options.show)
    for (const stream of [child.stdout, child.stderr]) stream.pipe(process.stderr, { end: false });
  const ended = new Promise<number | null>((resolve, reject) =>
    child.on("error", reject).on("close", resolve),
  );
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new ToolFailed(command, code, stdout, stderr);
  return stdout;
}

export const helm = (...args: readonly string[]): Promise<string> => tool(["helm", ...args]);
