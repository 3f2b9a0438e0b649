/**
 * The plugin's way to a cluster: the user's own kubectl, with the user's own rights. So contexts, credential helpers and
 * proxies work as they do for every other command of theirs.
 *
 * Fails: `PluginError` with kubectl's own sentence.
 */
import { spawn } from "node:child_process";
import type { KubeObject } from "../kube/object.ts";

/** Something that people are told in one sentence; `code` is the exit code. */
export class PluginError extends Error {
  override readonly name = "PluginError";
  readonly code: number;
  constructor(message: string, code = 1, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export interface Answer {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

export interface Kubectl {
  /** Runs it to its end. Never rejects for what kubectl answers. */
  run(args: readonly string[], signal: AbortSignal): Promise<Answer>;
  /** Runs it with our own input and output; resolves with its exit code. */
  hand(args: readonly string[], signal: AbortSignal): Promise<number>;
}

/** An answer beyond this is cut: a report of a large cluster must not fill the memory of a laptop. */
const mostOctets = 256 << 20;

/** `global` are the flags that choose cluster and user, such as `--context`. */
export function openKubectl(program: string, global: readonly string[]): Kubectl {
  const start = (args: readonly string[], stdio: "inherit" | "pipe", signal: AbortSignal) =>
    spawn(program, [...global, ...args], {
      stdio: stdio === "inherit" ? "inherit" : ["ignore", "pipe", "pipe"],
      signal,
    });
  return {
    run: (args, signal) => {
      const child = start(args, "pipe", signal);
      const out = gather(child.stdout);
      const error = gather(child.stderr);
      return ended(child, program).then((code) => ({ code, out: out(), error: error() }));
    },
    hand: (args, signal) => ended(start(args, "inherit", signal), program),
  };
}

function gather(stream: NodeJS.ReadableStream | null): () => string {
  const parts: Buffer[] = [];
  let size = 0;
  stream?.on("data", (part: Buffer) => {
    size += part.length;
    if (size <= mostOctets) parts.push(part);
  });
  return () => Buffer.concat(parts).toString("utf8");
}

function ended(child: ReturnType<typeof spawn>, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      reject(
        missing
          ? new PluginError(`${program} is not on PATH: this is a plugin of kubectl, 1.28 or later`)
          : error,
      );
    });
    child.once("close", (code, killed) => resolve(code ?? (killed ? 130 : 1)));
  });
}

/** The objects that `kubectl get` finds. */
export async function getAll<T extends KubeObject = KubeObject>(
  kubectl: Kubectl,
  args: readonly string[],
  signal: AbortSignal,
): Promise<readonly T[]> {
  const answer = await kubectl.run(["get", ...args, "-o", "json"], signal);
  if (answer.code !== 0) throw new PluginError(sentenceOf(answer));
  const parsed = JSON.parse(answer.out) as T & { readonly items?: readonly T[] };
  return parsed.items ?? [parsed];
}

/** What kubectl complained of, with the remedy where we know it. */
export function sentenceOf({ error, code }: Answer): string {
  const text = error.trim().split("\n").at(-1) || `kubectl ended with ${code}`;
  if (/doesn't have a resource type/.test(text))
    return `${text}: Postfleet's resources are not installed in this cluster; helm install postfleet brings them`;
  return text;
}
