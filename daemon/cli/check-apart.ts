/**
 * Checks resource files in a process of its own, which ends with the check: ajv and CEL would otherwise stay in the
 * daemon's memory (70 MB) for the sake of a change now and then.
 *
 * In:     what `checkPaths` takes; a signal that gives the check up.
 * Out:    what `checkPaths` gives.
 * Fails:  rejects when the process ends without an answer, or with the signal's reason.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Checked } from "../../crds/validate.ts";

export interface CheckOrder {
  readonly paths: readonly string[];
  readonly before: Checked["resources"];
}

const program = fileURLToPath(new URL("check-worker.ts", import.meta.url));

export async function checkApart(
  paths: readonly string[],
  before: Checked["resources"] = [],
  signal?: AbortSignal,
): Promise<Checked> {
  signal?.throwIfAborted();
  // "advanced": Secrets hold maps. Flags of this process are not the worker's (a debugger's port, for one).
  const child = fork(program, { serialization: "advanced", execArgv: [] });
  const stop = () => child.kill();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const answer = Promise.withResolvers<Checked>();
    child.once("message", (checked) => answer.resolve(checked as Checked));
    child.once("error", answer.reject);
    const ended = once(child, "exit").then(([code, killer]) =>
      answer.reject(signal?.reason ?? new Error(`the check ended without an answer (${killer ?? code})`)),
    );
    const order: CheckOrder = { paths, before };
    child.send(order, (error) => error && answer.reject(error));
    const checked = await answer.promise;
    await ended;
    return checked;
  } finally {
    signal?.removeEventListener("abort", stop);
    child.kill();
  }
}
